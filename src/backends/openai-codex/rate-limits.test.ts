import { expect, test } from 'vitest'
import { fromEvent, fromHeaders, fromUsage } from './rate-limits.ts'

const NOW_MS = 1_795_384_421_000
const NOW = 1_795_384_421

test('X-19: windows are named by their length, whatever slot they stand in', () => {
  const limits = fromHeaders(
    {
      'x-codex-plan-type': 'free',
      'x-codex-primary-used-percent': '12.5',
      'x-codex-primary-window-minutes': '10080',
      'x-codex-primary-reset-at': '1795584421',
      'x-codex-secondary-used-percent': '3',
      'x-codex-secondary-window-minutes': '300',
      'x-codex-secondary-reset-after-seconds': '60',
      'x-codex-credits-has-credits': 'True',
      'x-codex-credits-unlimited': 'False',
      'x-codex-credits-balance': '7',
    },
    NOW_MS,
  )
  expect(limits).toEqual({
    plan_type: 'free',
    windows: [
      { name: 'weekly', used_percent: 12.5, window_minutes: 10_080, resets_at: 1_795_584_421 },
      { name: '5h', used_percent: 3, window_minutes: 300, resets_at: NOW + 60 },
    ],
    credits: { has_credits: true, unlimited: false, balance: '7' },
    observed_at: NOW,
  })
})

test('empty header values mean nothing', () => {
  const empty = {
    'x-codex-plan-type': '',
    'x-codex-primary-used-percent': '',
    'x-codex-primary-window-minutes': '',
    'x-codex-credits-has-credits': '',
  }
  expect(fromHeaders(empty, NOW_MS)).toBeUndefined()
  const half = { ...empty, 'x-codex-secondary-used-percent': '0', 'x-codex-secondary-window-minutes': '43200' }
  expect(fromHeaders(half, NOW_MS)).toEqual({
    plan_type: null,
    windows: [{ name: 'monthly', used_percent: 0, window_minutes: 43_200, resets_at: null }],
    credits: null,
    observed_at: NOW,
  })
})

test('a rate-limit event', () => {
  const event = {
    type: 'codex.rate_limits',
    plan_type: 'pro',
    rate_limits: {
      primary: { used_percent: 1, window_minutes: 60, reset_at: 5 },
      secondary: null,
    },
    credits: { has_credits: false, unlimited: false, balance: null },
  }
  expect(fromEvent(event, NOW_MS)).toEqual({
    plan_type: 'pro',
    windows: [{ name: '60min', used_percent: 1, window_minutes: 60, resets_at: 5 }],
    credits: { has_credits: false, unlimited: false, balance: null },
    observed_at: NOW,
  })
})

test('an event about another limit, or about none, says nothing of the plan', () => {
  const rate_limits = { primary: { used_percent: 99, window_minutes: 300, reset_at: 5 } }
  expect([
    fromEvent({ rate_limits, metered_limit_name: 'codex_other' }, NOW_MS),
    fromEvent({ plan_type: 'pro' }, NOW_MS),
    fromEvent({ rate_limits, metered_limit_name: 'codex' }, NOW_MS)?.windows.length,
  ]).toEqual([undefined, undefined, 1])
})

test('the usage answer as captured from codex-cli 0.169.0', () => {
  const body = {
    plan_type: 'pro',
    rate_limit: {
      primary_window: {
        used_percent: 12,
        limit_window_seconds: 18_000,
        reset_after_seconds: 3600,
        reset_at: 1_795_388_021,
      },
      secondary_window: { used_percent: 34, limit_window_seconds: 604_800, reset_after_seconds: 200_000 },
      tertiary_window: null,
    },
    credits: { has_credits: true, unlimited: false, balance: '7' },
  }
  expect(fromUsage(body, NOW_MS)).toEqual({
    plan_type: 'pro',
    windows: [
      { name: '5h', used_percent: 12, window_minutes: 300, resets_at: 1_795_388_021 },
      { name: 'weekly', used_percent: 34, window_minutes: 10_080, resets_at: NOW + 200_000 },
    ],
    credits: { has_credits: true, unlimited: false, balance: '7' },
    observed_at: NOW,
  })
})

test('a usage answer of unknown shape is an empty one', () => {
  expect(fromUsage({}, NOW_MS)).toEqual({ plan_type: null, windows: [], credits: null, observed_at: NOW })
})
