import { expect, test } from 'vitest'
import {
  parseRefreshResponse,
  parseWhoamiResponse,
  toIssuer,
  toRefreshRequest,
  toTokenUrl,
  toWhoamiRequest,
} from './oauth.ts'

const identity = { originator: 'codex_exec', userAgent: 'codex_exec/0.169.0 (Debian 12.0.0; x86_64) xterm' }

test('a refresh is asked for as the CLI asks, key by key', () => {
  const request = toRefreshRequest('https://auth.openai.com/oauth/token', 'rt_fake_0', 'proactive_expiry', identity)
  expect(Object.entries(request.headers)).toEqual([
    ['content-type', 'application/json'],
    ['originator', identity.originator],
    ['user-agent', identity.userAgent],
    ['accept', '*/*'],
  ])
  expect(request.body).toBe(
    '{"client_id":"app_EMoamEEZ73f0CkXaXp7hrann","grant_type":"refresh_token",' +
      '"refresh_reason":"proactive_expiry","refresh_token":"rt_fake_0"}',
  )
  expect(Buffer.byteLength(request.body ?? '')).toBe(137)
})

test('whoami is asked with the token as bearer', () => {
  const { method, url, headers, body } = toWhoamiRequest('https://auth.openai.com', 'at-env-1', identity)
  expect([method, url, body]).toEqual([
    'GET',
    'https://auth.openai.com/api/accounts/v1/user-auth-credential/whoami',
    undefined,
  ])
  expect(Object.entries(headers)).toEqual([
    ['authorization', 'Bearer at-env-1'],
    ['originator', identity.originator],
    ['user-agent', identity.userAgent],
    ['accept', '*/*'],
  ])
})

test('the token endpoint is the override, else the configured issuer’s, else OpenAI’s own', () => {
  const override = { tokenUrlOverride: 'http://127.0.0.1:1/x?y', oauthIssuer: 'http://127.0.0.1:2' }
  expect(toTokenUrl(override, undefined)).toBe('http://127.0.0.1:1/x?y')
  expect(toTokenUrl({ oauthIssuer: 'http://127.0.0.1:2/' }, 'https://auth.openai.com')).toBe(
    'http://127.0.0.1:2/oauth/token',
  )
  expect(toTokenUrl({}, 'https://eu.auth.openai.com/')).toBe('https://eu.auth.openai.com/oauth/token')
  expect(toTokenUrl({}, undefined)).toBe('https://auth.openai.com/oauth/token')
})

test.each([
  'https://evil.example',
  'https://openai.com.evil.example',
  'https://notopenai.com',
  'http://auth.openai.com',
  'https://openai.com@evil.example',
  'nonsense',
])('an issuer the file names is not believed outside OpenAI: %s', (issuer) => {
  expect(toIssuer({}, issuer)).toBe('https://auth.openai.com')
})

test.each([
  [400, '{"error":"invalid_grant"}', { kind: 'refused', code: 'invalid_grant' }],
  [401, '{"error":{"code":"refresh_token_reused"}}', { kind: 'refused', code: 'refresh_token_reused' }],
  [401, '<html>', { kind: 'refused', code: 'HTTP 401' }],
  [400, '{"error":"a text, not a code"}', { kind: 'refused', code: 'HTTP 400' }],
  [500, '', { kind: 'failed', reason: 'HTTP 500' }],
  [403, '<html>', { kind: 'failed', reason: 'HTTP 403' }],
  [307, '', { kind: 'failed', reason: 'HTTP 307' }],
  [200, '<html>', { kind: 'unreadable' }],
  [
    200,
    '{"access_token":"a","refresh_token":"","id_token":7}',
    { kind: 'renewed', tokens: { accessToken: 'a', refreshToken: undefined, idToken: undefined } },
  ],
])('the issuer’s %i %s', (status, bodyText, outcome) => {
  expect(parseRefreshResponse({ status, headers: {}, bodyText })).toEqual(outcome)
})

test('whoami names the account', () => {
  const bodyText =
    '{"email":"fake@example.com","chatgpt_user_id":"u","chatgpt_account_id":"acct","chatgpt_plan_type":"pro","chatgpt_account_is_fedramp":false}'
  expect(parseWhoamiResponse({ status: 200, headers: {}, bodyText })).toEqual({
    kind: 'known',
    identity: { accountId: 'acct', email: 'fake@example.com', plan: 'pro', isFedramp: false },
  })
  expect(parseWhoamiResponse({ status: 502, headers: {}, bodyText: '' })).toEqual({
    kind: 'failed',
    reason: 'HTTP 502',
  })
})
