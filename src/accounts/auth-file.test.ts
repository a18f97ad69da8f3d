import { expect, test } from 'vitest'
import { GatewayError } from '../turn/errors.ts'
import { parseAuthFile } from './auth-file.ts'

const AUTH = 'https://api.openai.com/auth'

test('A-11: an opaque access token is a sign-in like any other', () => {
  const tokens = { access_token: 'opaque', refresh_token: 'r', account_id: 'acct-A' }
  expect(login({ tokens, last_refresh: '2026-11-22T21:50:38.729676440Z' })).toEqual({
    kind: 'chatgpt',
    token: 'opaque',
    refreshToken: 'r',
    idToken: undefined,
    accountId: 'acct-A',
    isFedramp: false,
    email: undefined,
    plan: undefined,
    expiresAtMs: undefined,
    lastRefreshMs: Date.parse('2026-11-22T21:50:38.729Z'),
    issuer: undefined,
  })
})

test('A-10: the account is the file’s, then the access token’s, the id token’s, the top level’s', () => {
  const access_token = jwt({ [AUTH]: { chatgpt_account_id: 'B' } })
  const id_token = jwt({ [AUTH]: { chatgpt_account_id: 'C' } })
  const account = (json: object) => (login(json) as { accountId?: string }).accountId
  expect(account({ tokens: { access_token, id_token, account_id: 'A' }, account_id: 'D' })).toBe('A')
  expect(account({ tokens: { access_token, id_token }, account_id: 'D' })).toBe('B')
  expect(account({ tokens: { access_token: 'x', id_token }, account_id: 'D' })).toBe('C')
  expect(account({ tokens: { access_token: 'x' }, account_id: 'D' })).toBe('D')
  expect(account({ tokens: { access_token: 'x', account_id: '' } })).toBeUndefined()
})

test('tokens win over an API key, whatever auth_mode says; a personal token wins over it too', () => {
  expect(login({ auth_mode: 'apikey', OPENAI_API_KEY: 'sk-1', tokens: { access_token: 'x' } })).toMatchObject({
    kind: 'chatgpt',
    token: 'x',
  })
  expect(login({ OPENAI_API_KEY: 'sk-1', personal_access_token: 'at-1' })).toEqual({
    kind: 'personal_access_token',
    token: 'at-1',
  })
  expect(login({ OPENAI_API_KEY: 'sk-1\n' })).toEqual({ kind: 'api_key', token: 'sk-1' })
})

test('a byte order mark in front is no fault', () => {
  expect(parseAuthFile('\ufeff{"OPENAI_API_KEY":"k"}', '/a').login).toEqual({ kind: 'api_key', token: 'k' })
})

test.each([
  ['{}', 'an empty object'],
  ['[]', 'a list'],
  ['null', 'null'],
  ['"secret-1"', 'a string'],
  ['{"tokens":{"refresh_token":"secret-1"}}', 'a refresh token without an access token'],
  ['{"tokens":{"access_token":"secret 1"}}', 'an unusable tokens.access_token'],
  ['{"OPENAI_API_KEY":null}', 'an object without tokens'],
])('A-08: %s holds no usable token', (text, found) => {
  const error = failure(text)
  expect([error.status, error.code]).toEqual([401, 'codex_auth_missing_token'])
  expect(error.message).toContain(`/a/auth.json holds no usable token (found ${found})`)
  expect(error.message).not.toContain('secret')
})

test('A-07: broken JSON is named by line and column and never quoted', () => {
  const error = failure('{"tokens": {\n  "access_token": "secret-1",,\n}}')
  expect([error.status, error.code]).toEqual([401, 'codex_auth_malformed'])
  expect(error.message).toContain('/a/auth.json is not valid JSON (line 2, column 30)')
  expect(`${error.message} ${error.stack} ${String(error.cause)}`).not.toContain('secret')
})

function login(json: object) {
  return parseAuthFile(JSON.stringify(json), '/a/auth.json').login
}

function failure(text: string): GatewayError {
  try {
    parseAuthFile(text, '/a/auth.json')
  } catch (error) {
    if (error instanceof GatewayError) return error
  }
  throw new Error('nothing was thrown')
}

function jwt(payload: object): string {
  return ['{}', JSON.stringify(payload), 'signature'].map((part) => Buffer.from(part).toString('base64url')).join('.')
}
