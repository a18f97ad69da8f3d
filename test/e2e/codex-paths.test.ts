import { expect, test } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { errorOf } from '../support/ask.ts'
import { startGateway } from '../support/gateway.ts'
import { SocketClient } from '../support/socket-client.ts'

const BASE = '/backend-api/codex'
/** What a Codex client that takes the gateway for its backend says of itself. */
const CLIENT = {
  authorization: 'Bearer client-token-1',
  'chatgpt-account-id': 'client-account',
  originator: 'codex_exec',
  version: '0.1.0',
  cookie: 'a=b',
  'x-codex-image-turn-id': 'turn-1',
}
const BODIES = {
  'images/generations': { prompt: 'a dot', background: 'opaque', model: 'gpt-image-2', quality: 'auto', size: 'auto' },
  'images/edits': { prompt: 'a dot', images: [{ image_url: 'data:image/png;base64,AA==' }], model: 'gpt-image-2' },
  'alpha/search': { id: 'x', model: 'gpt-5.6-sol', commands: { search_query: [{ q: 'hello' }] } },
}

test('turns and models are served below the backend’s own path too', async () => {
  const { url, post, simulator } = await startGateway()
  const posted = await post(`${BASE}/responses`, { model: 'gpt-5.5', input: 'Hello', stream: true }, CLIENT)
  expect(await posted.text()).toContain('"type":"response.completed"')
  const socket = await SocketClient.connect(`${url}${BASE}/responses`, { headers: CLIENT })
  socket.send({ type: 'response.create', model: 'gpt-5.5', input: 'Hello' })
  expect((await socket.answer()).at(-1)).toMatchObject({ type: 'response.completed' })
  for (const { headers } of simulator.requests) {
    expect([headers.authorization, headers['chatgpt-account-id']]).not.toContain('Bearer client-token-1')
    expect(headers['chatgpt-account-id']).not.toBe('client-account')
  }
  const models = (await (await fetch(`${url}${BASE}/models?client_version=0.169.0`)).json()) as { models: JsonObject[] }
  expect(models).toEqual(await (await fetch(`${url}/v1/models?client_version=0.169.0`)).json())
  expect(models.models.map(({ slug }) => slug)).toContain('gpt-5.5')
})

test.each(Object.entries(BODIES))('%s goes to the backend with our sign-in and our headers', async (path, body) => {
  const { post, simulator } = await startGateway()
  const written = '{"data": [ {"b64_json":"x"} ], "n": 1.0}'
  simulator.playCall(path === 'alpha/search' ? 'search' : 'images', {
    status: 200,
    body: written,
    headers: { 'x-request-id': 'up-1', 'x-codex-primary-used-percent': '7', 'set-cookie': 'session=1' },
  })
  const response = await post(`${BASE}/${path}`, body, CLIENT)
  expect([response.status, response.headers.get('x-request-id')]).toEqual([200, 'up-1'])
  expect(response.headers.get('set-cookie')).toBeNull()
  expect(await response.text()).toBe(written)
  const [call] = simulator.otherCalls.filter(({ method }) => method === 'POST')
  expect(call).toMatchObject({ path: `${BASE}/${path}`, body })
  expect(
    call?.headersRaw.map(([name]) => name.toLowerCase()).filter((name) => !/^(host|connection)$/.test(name)),
  ).toEqual([
    'version',
    'authorization',
    'chatgpt-account-id',
    'content-type',
    'originator',
    'user-agent',
    'accept',
    'content-length',
  ])
  const sent = JSON.stringify(call?.headersRaw)
  for (const value of ['client-token-1', 'client-account', 'a=b', 'turn-1', '0.1.0']) expect(sent).not.toContain(value)
})

test('a refused token is renewed once; other refusals come back as they do for turns', async () => {
  const { post, simulator } = await startGateway()
  const ask = () => post(`${BASE}/images/generations`, BODIES['images/generations'])
  simulator.issuer.revokeAccessTokens()
  expect(await (await ask()).json()).toMatchObject({ data: [{ b64_json: expect.stringMatching(/^iVBOR/) }] })
  expect([simulator.countCalls('images'), simulator.countCalls('token')]).toEqual([2, 1])
  const limit = { error: { type: 'usage_limit_reached', message: 'Enough.', resets_in_seconds: 60 } }
  simulator.playCall('images', { status: 429, body: limit }, { body: 'no JSON' }, { status: 500, body: 'Oh.' })
  expect(await errorOf(await ask())).toMatchObject({ status: 429, code: 'usage_limit_reached' })
  expect(await errorOf(await ask())).toMatchObject({ status: 502, code: 'upstream_bad_response' })
  expect(await errorOf(await ask())).toMatchObject({ status: 500, code: 'server_error' })
})

test('what is no JSON object goes nowhere', async () => {
  const { url, simulator } = await startGateway({ yaml: 'server: { max_body_bytes: 2000 }' })
  const rows = [
    ['application/json', '[]', 400],
    ['multipart/form-data; boundary=x', '--x--', 415],
    ['application/json', JSON.stringify({ prompt: 'x'.repeat(2000) }), 413],
  ] as const
  for (const [type, body, status] of rows) {
    const init = { method: 'POST', headers: { 'content-type': type }, body }
    expect((await errorOf(await fetch(`${url}${BASE}/images/edits`, init))).status).toBe(status)
  }
  expect(simulator.countCalls('images')).toBe(0)
})

test('accounts/check sends the client here, under the account it names, else ours', async () => {
  const { url, simulator } = await startGateway()
  const check = async (headers: Record<string, string>) =>
    (await (await fetch(`${url}/backend-api/wham/accounts/check`, { headers })).json()) as { accounts: JsonObject[] }
  expect(await check({ ...CLIENT, 'x-forwarded-proto': 'https' })).toEqual({
    accounts: [
      {
        id: 'client-account',
        account_id: 'client-account',
        plan_type: expect.any(String),
        name: 'codexway',
        structure: 'personal',
        workspace_backend_origin: url.replace('http:', 'https:'),
        account_routing_override: 'NO_CONSTRAINT',
      },
    ],
    account_ordering: ['client-account'],
    default_account_id: 'client-account',
  })
  const [own] = (await check({})).accounts
  expect([own?.workspace_backend_origin, own?.id]).toEqual([url, simulator.issueTokens().account_id])
  expect(simulator.countCalls('accounts_check')).toBe(0)
  expect((await fetch(`${url}/backend-api/wham/usage`)).status).toBe(200)
})

test('telemetry ends here; whatever else there is at the backend is a clear 404', async () => {
  const { url, simulator } = await startGateway()
  const known = simulator.otherCalls.length
  for (const path of [`${BASE}/analytics-events/events`, '/otlp/v1/metrics', '/backend-api/otlp/v1/logs']) {
    const response = await fetch(url + path, { method: 'POST', body: 'x'.repeat(800_000) })
    expect([response.status, await response.text()]).toEqual([204, ''])
  }
  for (const path of ['/backend-api/wham/settings/user', '/backend-api/ps/mcp', `${BASE}/images/variations`]) {
    const refused = await errorOf(await fetch(url + path, { method: 'POST', body: '{}' }))
    expect(refused).toMatchObject({
      status: 404,
      code: 'unknown_url',
      message: expect.stringContaining('codex/models'),
    })
  }
  expect(simulator.otherCalls.filter(({ name }) => name !== 'models').length).toBeLessThanOrEqual(known)
})

test('a gateway key is asked for here as everywhere', async () => {
  const { post, url } = await startGateway({ yaml: 'server: { api_keys: [secret-1] }' })
  expect((await post(`${BASE}/alpha/search`, BODIES['alpha/search'], CLIENT)).status).toBe(401)
  expect((await fetch(`${url}/backend-api/wham/accounts/check`)).status).toBe(401)
})
