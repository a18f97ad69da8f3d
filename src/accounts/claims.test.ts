import { expect, test } from 'vitest'
import { parseClaims } from './claims.ts'

test('a JWT is read without being verified', () => {
  const token = jwt({
    exp: 1_800_000_000,
    email: 'anna@example.com',
    'https://api.openai.com/auth': {
      chatgpt_account_id: 'acct-A',
      chatgpt_plan_type: 'plus',
      user_id: 'user-1',
      chatgpt_account_is_fedramp: true,
    },
  })
  expect(parseClaims(token)).toEqual({
    expiresAtMs: 1_800_000_000_000,
    accountId: 'acct-A',
    userId: 'user-1',
    plan: 'plus',
    email: 'anna@example.com',
    isFedramp: true,
  })
})

test('a JWT without the claims says nothing of them', () => {
  expect(parseClaims(jwt({}))).toEqual({
    expiresAtMs: undefined,
    accountId: undefined,
    userId: undefined,
    plan: undefined,
    email: undefined,
    isFedramp: false,
  })
})

test.each([undefined, '', 'opaque', 'at-1', 'a.b', 'a.b.c', 'a..c', `a.${btoa('[1]')}.c`, 'a.b.c.d'])(
  'an opaque token has no claims: %s',
  (token) => {
    expect(parseClaims(token)).toBeUndefined()
  },
)

function jwt(payload: object): string {
  return ['{}', JSON.stringify(payload), 'signature'].map((part) => Buffer.from(part).toString('base64url')).join('.')
}
