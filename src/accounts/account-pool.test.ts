import { expect, test } from 'vitest'
import type { CredentialSource } from '../turn/connector.ts'
import { type ErrorKind, GatewayError } from '../turn/errors.ts'
import { AccountPool, type AccountPoolOptions } from './account-pool.ts'

const signal = new AbortController().signal

function source(name: string): CredentialSource {
  const unused = () => Promise.reject(new Error('not asked for'))
  return {
    current: async () => ({ token: name, kind: 'chatgpt', accountId: `acct-${name}`, isFedramp: false }),
    renew: unused,
    describe: unused,
  }
}

function pool(options: Partial<AccountPoolOptions> & { used?: Record<string, number> } = {}) {
  let nowMs = 0
  const made = new AccountPool({
    accounts: ['a', 'b', 'c'].map((name) => ({ name, credentials: source(name) })),
    strategy: 'first',
    failover: true,
    usedPercent: (accountId) => options.used?.[accountId],
    now: () => nowMs,
    ...options,
  })
  const nameFor = async (conversation: string) => (await made.forTurn(conversation).current(signal)).token
  const namesFor = async (...conversations: string[]) => {
    const names: string[] = []
    for (const conversation of conversations) names.push(await nameFor(conversation))
    return names.join('')
  }
  const pass = (ms: number) => {
    nowMs += ms
  }
  return { pool: made, namesFor, pass }
}

const refusal = (kind: ErrorKind, seconds?: number) =>
  new GatewayError(kind, 'no', seconds === undefined ? {} : { retryAfterSeconds: seconds })

test('first: always the first of the list', async () => {
  expect(await pool().namesFor('1', '2', '3')).toBe('aaa')
})

test('round_robin: one after the other, but a conversation stays where it began', async () => {
  expect(await pool({ strategy: 'round_robin' }).namesFor('1', '2', '3', '4', '2', '1')).toBe('abcaba')
})

test('least_used: the one with most left; one nobody has heard of counts as unused', async () => {
  const used = { 'acct-a': 50, 'acct-b': 10, 'acct-c': 30 }
  const { namesFor } = pool({ strategy: 'least_used', used })
  expect(await namesFor('1', '2', '3')).toBe('abc')
  expect(await namesFor('4', '1')).toBe('ba')
  used['acct-b'] = 90
  expect(await namesFor('5', '4')).toBe('cb')
})

test('sticky: by the conversation’s name, the same in every process', async () => {
  const names = Array.from({ length: 60 }, (_, index) => String(index))
  const once = await pool({ strategy: 'sticky' }).namesFor(...names)
  expect(await pool({ strategy: 'sticky' }).namesFor(...names)).toBe(once)
  expect(new Set(once)).toEqual(new Set(['a', 'b', 'c']))
})

test('a refused account rests until its limit resets, and its conversations move on meanwhile', async () => {
  const { pool: it, namesFor, pass } = pool()
  const first = it.forTurn('1')
  const second = first.refused?.(refusal('usage_limit_reached', 100))
  expect((await second?.current(signal))?.token).toBe('b')
  expect(await namesFor('1', '2')).toBe('bb')
  pass(100_001)
  expect(await namesFor('1', '2', '3')).toBe('bba')
})

test('each account is tried once a turn; when all have refused, the refusal stands', () => {
  let source: CredentialSource | undefined = pool().pool.forTurn('1')
  let count = 0
  while (source !== undefined) {
    count += 1
    source = source.refused?.(refusal('rate_limit_exceeded', 5))
  }
  expect(count).toBe(3)
})

test.each([
  'invalid_request',
  'context_length_exceeded',
  'server_error',
  'upstream_unreachable',
  'model_not_found',
] as const)('a refusal that every account would meet with moves nothing: %s', async (kind) => {
  const { pool: it, namesFor } = pool()
  expect(it.forTurn('1').refused?.(refusal(kind))).toBeUndefined()
  expect(await namesFor('1')).toBe('a')
})

test('without failover nothing moves and nothing rests', async () => {
  const { pool: it, namesFor } = pool({ failover: false })
  expect(it.forTurn('1').refused?.(refusal('usage_limit_reached', 100))).toBeUndefined()
  expect(await namesFor('1', '2')).toBe('aa')
})
