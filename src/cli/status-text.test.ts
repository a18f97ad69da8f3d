import { expect, test } from 'vitest'
import { type BackendStatus, toStatusText } from './status-text.ts'

const NOW_MS = Date.UTC(2026, 10, 22, 22, 0)
const NOW = NOW_MS / 1000
const STATUS: BackendStatus = {
  backend: 'openai_codex',
  state: 'ready',
  email: 'a…@example.com',
  plan_type: 'pro',
  windows: [
    { name: '5h', used_percent: 12, resets_at: NOW + 3600 },
    { name: 'weekly', used_percent: 96.4, resets_at: NOW + 200_000 },
    { name: 'monthly', used_percent: 130, resets_at: null },
  ],
  credits: { has_credits: true, unlimited: false, balance: '7' },
  tokens_today: { turns: 1200, input_tokens: 1_000_000, cached_tokens: 900_000, output_tokens: 20_000 },
  observed_at: NOW,
  problem: undefined,
}

test('windows have bars and say when they begin anew, in local time', () => {
  expect(toStatusText([STATUS], { nowMs: NOW_MS, timeZone: 'UTC' }).split('\n')).toEqual([
    'openai_codex: a…@example.com, plan pro',
    '  5h       ██░░░░░░░░░░░░░░░░░░  12 % used  resets 23:00 (in 1 h 0 min)',
    '  weekly   ███████████████████░  96 % used  resets Wed 25 Nov 05:33 (in 2 d 7 h)',
    '  monthly  ████████████████████ 130 % used',
    '  credits: 7',
    '  today: 1,020,000 tokens in 1,200 turns (1,000,000 in, 900,000 of them cached, 20,000 out)',
  ])
})

test('tomorrow has a date, also an hour away', () => {
  const text = toStatusText([STATUS], { nowMs: NOW_MS, timeZone: 'Europe/Berlin' })
  expect(text).toMatch(/5h .* resets Mon,? 23 Nov 00:00 \(in 1 h 0 min\)/)
})

test.each([
  [null, 'unknown'],
  [{ unlimited: true }, 'unlimited'],
  [{ has_credits: false, balance: '0' }, 'none'],
])('credits %j are %s', (credits, words) => {
  const text = toStatusText([{ ...STATUS, windows: [], credits }], { nowMs: NOW_MS, timeZone: 'UTC' })
  expect(text.split('\n').slice(1, 3)).toEqual(['  no windows: this plan tells no limits', `  credits: ${words}`])
})

test('an account that cannot be asked says why', () => {
  const text = toStatusText([{ ...STATUS, problem: 'Run `codex login`.' }, STATUS], { nowMs: NOW_MS, timeZone: 'UTC' })
  expect(text).toMatch(/^openai_codex: Run `codex login`\.\n\nopenai_codex: a…@example\.com/)
})
