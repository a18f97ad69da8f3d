import { expect, test } from 'vitest'
import { LimitsBoard } from './limits-board.ts'
import type { RateLimits } from './rate-limits.ts'

const NOW = 1_800_000_000
const window = (name: string, minutes: number, used: number, resetsAt: number | null = NOW + 1000) => ({
  name,
  used_percent: used,
  window_minutes: minutes,
  resets_at: resetsAt,
})
const limits = (...windows: ReturnType<typeof window>[]): RateLimits => ({
  plan_type: null,
  windows,
  credits: null,
  observed_at: NOW,
})

function board() {
  const warnings: unknown[] = []
  let nowMs = NOW * 1000
  const made = new LimitsBoard({
    warn: ({ window: name, used_percent: used }) => void warnings.push([name, used]),
    now: () => nowMs,
  })
  const pass = (seconds: number) => {
    nowMs += seconds * 1000
  }
  return { board: made, warnings, pass }
}

test('accounts are kept apart, and what one source leaves out another has said', () => {
  const { board: it, pass } = board()
  it.see('a', { ...limits(window('weekly', 10_080, 3, NOW + 5000), window('5h', 300, 1)), plan_type: 'pro' })
  it.see('b', limits(window('monthly', 43_200, 50)))
  expect(it.see('a', { ...limits(window('5h', 300, 2)), credits: { balance: '7' } })).toEqual({
    plan_type: 'pro',
    windows: [window('5h', 300, 2), window('weekly', 10_080, 3, NOW + 5000)],
    credits: { balance: '7' },
    observed_at: NOW,
  })
  expect([it.of('b')?.windows.length, it.of('c')]).toEqual([1, undefined])
  pass(6000)
  // A window that has begun anew since is not known any more.
  expect(it.see('a', limits(window('5h', 300, 0, NOW + 9000))).windows).toEqual([window('5h', 300, 0, NOW + 9000)])
})

test('80 and 95 percent are said once each, until the window begins anew', () => {
  const { board: it, warnings } = board()
  for (const used of [79, 80, 85, 95, 99, 100]) it.see('a', limits(window('5h', 300, used)))
  it.see('b', limits(window('5h', 300, 96)))
  expect(warnings).toEqual([
    ['5h', 80],
    ['5h', 95],
    ['5h', 96],
  ])
  it.see('a', limits(window('5h', 300, 81, NOW + 1003)))
  expect(warnings).toHaveLength(3)
  it.see('a', limits(window('5h', 300, 81, NOW + 19_000)))
  it.see('a', limits(window('5h', 300, 2, NOW + 19_000)))
  it.see('a', limits(window('5h', 300, 82, NOW + 19_000)))
  expect(warnings.slice(3)).toEqual([
    ['5h', 81],
    ['5h', 82],
  ])
})
