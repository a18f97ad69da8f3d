import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DailyTokens, readTokensToday } from './daily-tokens.ts'

const DAY_MS = 24 * 3_600_000
const NOON_MS = new Date(2026, 10, 24, 12).getTime()
const usage = (input: number, cached: number, output: number) => ({
  input_tokens: input,
  input_tokens_details: { cached_tokens: cached },
  output_tokens: output,
})

let directory: string
let nowMs: number
const now = () => nowMs
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), 'daily-tokens-')), 'tokens')
  nowMs = NOON_MS
})
afterEach(() => rmSync(join(directory, '..'), { recursive: true }))

test('what several processes counted today is added up by account', async () => {
  const first = new DailyTokens({ directory, now })
  const second = new DailyTokens({ directory, now: () => nowMs })
  first.add('a', usage(10, 4, 2))
  first.add('a', usage(1, 0, 1))
  first.add('b', usage(5, 0, 5))
  await first.flush()
  await new Promise((resolve) => setTimeout(resolve, 2))
  const third = new DailyTokens({ directory, now })
  third.add('a', usage(100, 0, 0))
  await Promise.all([second.flush(), third.flush()])
  expect(await readTokensToday(directory, nowMs)).toEqual(
    new Map([
      ['a', { turns: 3, input_tokens: 111, cached_tokens: 4, output_tokens: 3 }],
      ['b', { turns: 1, input_tokens: 5, cached_tokens: 0, output_tokens: 5 }],
    ]),
  )
  const [file = ''] = readdirSync(directory)
  expect(statSync(join(directory, file)).mode & 0o777).toBe(0o600)
})

test('midnight begins anew, and files of last week go', async () => {
  const tokens = new DailyTokens({ directory, now })
  tokens.add('a', usage(1, 0, 0))
  await tokens.flush()
  nowMs += DAY_MS
  tokens.add('a', usage(2, 0, 0))
  await tokens.flush()
  expect((await readTokensToday(directory, nowMs)).get('a')?.input_tokens).toBe(2)
  expect((await readTokensToday(directory, NOON_MS)).get('a')?.input_tokens).toBe(1)
  nowMs += 8 * DAY_MS
  tokens.add('a', usage(3, 0, 0))
  await tokens.flush()
  expect(readdirSync(directory)).toHaveLength(2)
})

test('what was counted is on disk soon by itself', async () => {
  const tokens = new DailyTokens({ directory, now, flushAfterMs: 1 })
  tokens.add('a', usage(1, 0, 0))
  const endsAtMs = Date.now() + 5000
  while ((await readTokensToday(directory, nowMs)).size === 0 && Date.now() < endsAtMs) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  expect((await readTokensToday(directory, nowMs)).size).toBe(1)
})

test.each([undefined, null, 'many'])('an answer whose usage is %j counts nothing', async (nothing) => {
  const tokens = new DailyTokens({ directory, now })
  tokens.add('a', nothing)
  await tokens.flush()
  expect(await readTokensToday(directory, nowMs)).toEqual(new Map())
})

test('a place that cannot be written is no failure, nor is a file that is broken', async () => {
  writeFileSync(directory, 'a file')
  const tokens = new DailyTokens({ directory, now })
  tokens.add('a', usage(1, 0, 0))
  await tokens.flush()
  expect(await readTokensToday(directory, nowMs)).toEqual(new Map())
})
