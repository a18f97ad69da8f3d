import { expect, test } from 'vitest'
import type { ChatGptLogin } from './auth-file.ts'
import { toLoginStatus } from './credential-status.ts'

const LOGIN: ChatGptLogin = {
  kind: 'chatgpt',
  token: 'access-1',
  refreshToken: 'refresh-1',
  idToken: undefined,
  accountId: 'acct-A',
  isFedramp: false,
  email: 'anna@example.com',
  plan: 'plus',
  issuedAtMs: undefined,
  expiresAtMs: 1_800_000_000_000,
  lastRefreshMs: undefined,
  issuer: undefined,
}
const ABOUT = {
  path: '/a',
  searched: ['/a', '/b'],
  tokenUrl: 'https://t/oauth/token',
  identity: undefined,
  expiredBecause: undefined,
}

test('a sign-in is described without its secrets', () => {
  expect(toLoginStatus(LOGIN, ABOUT)).toEqual({
    state: 'ready',
    path: '/a',
    searched: ['/a', '/b'],
    email: 'a…@example.com',
    plan: 'plus',
    accountId: 'acct-A',
    expiresAtMs: 1_800_000_000_000,
    tokenUrl: 'https://t/oauth/token',
    nextStep: undefined,
  })
})

test.each([
  ['a@b@example.com', 'a…@example.com'],
  ['@example.com', '…@example.com'],
  ['anna', '…'],
])('the address %s is shown as %s', (email, shown) => {
  expect(toLoginStatus({ ...LOGIN, email }, ABOUT).email).toBe(shown)
})

test('an expired one says why and what to do', () => {
  expect(toLoginStatus(LOGIN, { ...ABOUT, expiredBecause: 'it holds no refresh token' })).toMatchObject({
    state: 'expired',
    nextStep: 'Run `codex login`: the token has expired and it holds no refresh token.',
  })
})
