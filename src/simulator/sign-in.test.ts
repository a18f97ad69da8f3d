import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { useSimulator } from '../../test/support/simulator.ts'
import { randomToken } from './tokens.ts'

const CLIENT_ID = 'app_EMoamEEZ73f0CkXaXp7hrann'
const REDIRECT = 'http://127.0.0.1:1455/auth/callback'

const form = (fields: Record<string, string>) => ({ method: 'POST', body: new URLSearchParams(fields) })
const json = (fields: Record<string, string>) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(fields),
})

function authorizeUrl(origin: string, verifier: string, changes: Record<string, string> = {}): string {
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: CLIENT_ID,
    redirect_uri: REDIRECT,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    state: 'a state',
    scope: 'openid profile email offline_access api.connectors.read api.connectors.invoke',
    ...changes,
  })
  return `${origin}/oauth/authorize?${query}`
}

test('a browser comes back with a code that works once, for its redirect and its verifier', async () => {
  const { url } = await useSimulator()
  const verifier = randomToken(64)
  const codeFor = async (): Promise<string> => {
    const answer = await fetch(authorizeUrl(url, verifier), { redirect: 'manual' })
    const target = new URL(answer.headers.get('location') ?? '')
    expect([answer.status, target.origin + target.pathname, target.searchParams.get('state')]).toEqual([
      302,
      REDIRECT,
      'a state',
    ])
    return target.searchParams.get('code') ?? ''
  }
  const exchange = (code: string, changes: Record<string, string> = {}) =>
    fetch(
      `${url}/oauth/token`,
      form({
        grant_type: 'authorization_code',
        client_id: CLIENT_ID,
        code,
        redirect_uri: REDIRECT,
        code_verifier: verifier,
        ...changes,
      }),
    )
  const code = await codeFor()
  expect(await (await exchange(code)).json()).toMatchObject({
    id_token: expect.any(String),
    access_token: expect.any(String),
    refresh_token: expect.stringMatching(/^rt_/),
  })
  expect((await exchange(code)).status).toBe(400)
  expect((await exchange(await codeFor(), { code_verifier: 'another' })).status).toBe(400)
  expect((await exchange(await codeFor(), { redirect_uri: 'http://127.0.0.1:1457/auth/callback' })).status).toBe(400)
})

test.each([
  ['scope', 'api.responses.write'],
  ['redirect_uri', 'http://127.0.0.1:8080/auth/callback'],
  ['code_challenge_method', 'plain'],
  ['state', ''],
])('an authorize request with %s=%s is refused', async (name, value) => {
  const { url } = await useSimulator()
  expect((await fetch(authorizeUrl(url, 'v', { [name]: value }), { redirect: 'manual' })).status).toBe(400)
})

test('a device gets a code, and tokens for it', async () => {
  const { url } = await useSimulator()
  const post = async (path: string, fields: Record<string, string>) =>
    (await fetch(`${url}/api/accounts/deviceauth/${path}`, json(fields))).json() as Promise<Record<string, string>>
  const device = await post('usercode', { client_id: CLIENT_ID })
  expect(device).toMatchObject({ interval: '1', user_code: expect.stringMatching(/-/) })
  const { device_auth_id: id = '', user_code: userCode = '' } = device
  const granted = await post('token', { device_auth_id: id, user_code: userCode })
  const answer = await fetch(
    `${url}/oauth/token`,
    form({
      grant_type: 'authorization_code',
      client_id: CLIENT_ID,
      code: granted.authorization_code ?? '',
      redirect_uri: `${url}/deviceauth/callback`,
      code_verifier: granted.code_verifier ?? '',
    }),
  )
  expect(answer.status).toBe(200)
})

test('an id token is worth an API key, where the account has an organisation', async () => {
  const simulator = await useSimulator()
  const { id_token: subject } = simulator.issueTokens()
  const exchange = () =>
    fetch(
      `${simulator.url}/oauth/token`,
      form({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        client_id: CLIENT_ID,
        requested_token: 'openai-api-key',
        subject_token: subject,
        subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
      }),
    )
  expect(await (await exchange()).json()).toMatchObject({ access_token: expect.stringMatching(/^sk-/) })
  simulator.signIn.givesApiKey = false
  expect((await exchange()).status).toBe(401)
})

test('a revoked refresh token is good for nothing', async () => {
  const { url, issuer } = await useSimulator()
  const { refresh_token: token } = issuer.issue()
  const answer = await fetch(
    `${url}/oauth/revoke`,
    json({ token, token_type_hint: 'refresh_token', client_id: CLIENT_ID }),
  )
  expect([answer.status, issuer.isValidRefreshToken(token)]).toEqual([200, false])
})
