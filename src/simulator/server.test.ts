import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import { BODY, eventsOf, post, signedIn, USER, useSimulator } from '../../test/support/simulator.ts'
import type { JsonObject } from '../lib/json.ts'
import type { Simulator } from './server.ts'

function refresh(simulator: Simulator, token: string, headers: Record<string, string> = {}): Promise<Response> {
  const fields = { client_id: 'app_EMoamEEZ73f0CkXaXp7hrann', grant_type: 'refresh_token', refresh_token: token }
  const isForm = headers['content-type'] === 'application/x-www-form-urlencoded'
  const body = isForm ? new URLSearchParams(fields) : JSON.stringify(fields)
  return fetch(`${simulator.url}/oauth/token`, { method: 'POST', headers, body })
}

function says(text: string): JsonObject {
  return { ...BODY, input: [{ ...USER, content: [{ type: 'input_text', text }] }] }
}

describe('sign-in', () => {
  test('backend calls need a known, unexpired token and its account', async () => {
    const simulator = await useSimulator()
    const good = signedIn(simulator)
    const { access_token: expired } = simulator.issueTokens({ expiresInS: -1 })
    const status = async (headers: Record<string, string>) => (await post(simulator, BODY, headers)).status
    expect(await status(good)).toBe(200)
    expect(await status({ 'content-type': 'application/json' })).toBe(401)
    expect(await status({ ...good, authorization: 'Bearer foreign' })).toBe(401)
    expect(await status({ ...good, authorization: `Bearer ${expired}` })).toBe(401)
    expect(await status({ authorization: good.authorization ?? '' })).toBe(401)
    expect(await status({ ...good, 'chatgpt-account-id': 'other' })).toBe(403)
    expect(simulator.requests.map((request) => request.status)).toEqual([200, 401, 401, 401, 401, 403])
  })

  test('anyToken takes every bearer', async () => {
    const simulator = await useSimulator({ anyToken: true })
    expect((await post(simulator, BODY, { authorization: 'Bearer sk-x' })).status).toBe(200)
  })

  test('refresh tokens work once, in JSON and as a form, and rotate', async () => {
    const simulator = await useSimulator()
    const first = simulator.issueTokens({ accountId: 'acct-B' })
    const renewed = (await (await refresh(simulator, first.refresh_token)).json()) as Record<string, string>
    expect(renewed).toMatchObject({ token_type: 'Bearer', expires_in: 3600 })
    const headers = { authorization: `Bearer ${renewed.access_token}`, 'chatgpt-account-id': 'acct-B' }
    expect((await post(simulator, BODY, headers)).status).toBe(200)

    const again = await refresh(simulator, first.refresh_token)
    expect([again.status, await again.json()]).toMatchObject([401, { error: { code: 'refresh_token_reused' } }])
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    expect((await refresh(simulator, renewed.refresh_token ?? '', form)).status).toBe(200)
    expect(await (await refresh(simulator, 'rt_unknown')).json()).toMatchObject({
      error: { code: 'refresh_token_invalidated' },
    })
    expect(simulator.countCalls('token')).toBe(4)
  })

  test('a spoilt refresh token is refused as expired', async () => {
    const simulator = await useSimulator()
    const { refresh_token: token } = simulator.issueTokens()
    simulator.issuer.spoilRefreshToken(token, 'expired')
    expect(await (await refresh(simulator, token)).json()).toMatchObject({ error: { code: 'refresh_token_expired' } })
  })

  test('the token endpoint plays its script, then goes on as usual', async () => {
    const simulator = await useSimulator()
    const { refresh_token: token } = simulator.issueTokens()
    simulator.playToken({ status: 400, body: { error: 'invalid_grant' } }, { delay_ms: 30 })
    expect((await refresh(simulator, token)).status).toBe(400)
    const startedMs = performance.now()
    expect((await refresh(simulator, token)).status).toBe(200)
    expect(performance.now() - startedMs).toBeGreaterThan(25)
  })

  test('personal tokens are explained by whoami and taken by the backend', async () => {
    const simulator = await useSimulator()
    const token = simulator.issuer.issuePersonal({ accountId: 'acct-P', plan: 'pro' })
    const headers = { authorization: `Bearer ${token}` }
    const whoami = await fetch(`${simulator.url}/api/accounts/v1/user-auth-credential/whoami`, { headers })
    expect(await whoami.json()).toEqual({
      email: 'person@example.com',
      chatgpt_user_id: 'user-simulated',
      chatgpt_account_id: 'acct-P',
      chatgpt_plan_type: 'pro',
      chatgpt_account_is_fedramp: false,
    })
    expect((await post(simulator, BODY, { ...headers, 'chatgpt-account-id': 'acct-P' })).status).toBe(200)
  })

  test("the sign-in file has the CLI's form and mode 0600", async () => {
    const simulator = await useSimulator()
    const directory = mkdtempSync(join(tmpdir(), 'simulator-'))
    onTestFinished(() => rmSync(directory, { recursive: true }))
    const path = simulator.writeAuthFile(directory, { accountId: 'acct-A', claimAccountId: 'acct-B', opaque: true })
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
      auth_mode: 'chatgpt',
      OPENAI_API_KEY: null,
      tokens: {
        access_token: expect.stringMatching(/^opaque-/),
        refresh_token: expect.stringMatching(/^rt_/),
        oauth_provenance: { issuer: simulator.url },
        account_id: 'acct-A',
      },
    })
  })
})

describe('other calls', () => {
  test('models, usage and accounts/check are served below any base path', async () => {
    const simulator = await useSimulator()
    const headers = signedIn(simulator)
    const get = (path: string) => fetch(simulator.url + path, { headers })
    const models = await get('/x/models?client_version=0.169.0')
    expect(models.headers.get('etag')).toBe('"sim-1"')
    const { models: list } = (await models.json()) as { models: JsonObject[] }
    expect(list.map(({ slug, visibility }) => [slug, visibility])).toEqual([
      ['gpt-5.5', 'list'],
      ['gpt-5.6-sol', 'list'],
      ['gpt-5.6-luna', 'list'],
      ['gpt-plain', 'list'],
      ['gpt-hidden', 'hide'],
    ])
    expect(await (await get('/backend-api/wham/usage')).json()).toMatchObject({
      rate_limit: { primary_window: { limit_window_seconds: 18_000 } },
    })
    expect(await (await get('/backend-api/wham/accounts/check')).json()).toMatchObject({
      accounts: [{ id: 'acct-A', workspace_backend_origin: simulator.url, account_routing_override: 'NO_CONSTRAINT' }],
    })
    expect(simulator.calls).toEqual([
      'GET /x/models',
      'GET /backend-api/wham/usage',
      'GET /backend-api/wham/accounts/check',
    ])
    simulator.answerCall('models', { status: 500, body: 'garbage' })
    expect(await (await get('/v1/models')).text()).toBe('garbage')
  })

  test('a WebSocket upgrade is answered 426 where it is to be', async () => {
    const simulator = await useSimulator({ webSocket: 426 })
    const headers = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-key': 'x' }
    const status = await new Promise((resolve, reject) => {
      const request = httpRequest(`${simulator.baseUrl}/responses`, { headers }, (response) => {
        resolve(response.statusCode)
        response.resume()
      })
      request.once('error', reject)
      request.end()
    })
    expect(status).toBe(426)
    expect(simulator.countCalls('upgrade')).toBe(1)
    expect(simulator.requests).toEqual([])
  })
})

describe('answers', () => {
  test('a request is recorded as it came, unpacked', async () => {
    const simulator = await useSimulator()
    const headers = { ...signedIn(simulator), 'X-Mixed': 'a' }
    await (
      await post(simulator, zstdCompressSync(JSON.stringify(BODY)), { ...headers, 'content-encoding': 'zstd' })
    ).text()
    expect(simulator.onlyRequest()).toMatchObject({
      method: 'POST',
      path: '/backend-api/codex/responses',
      body: BODY,
      bodyBytes: JSON.stringify(BODY),
      encoding: 'zstd',
      status: 200,
      finished: true,
      closedAtMs: undefined,
    })
    await post(simulator, gzipSync(JSON.stringify(BODY)), { ...headers, 'content-encoding': 'gzip' })
    expect(simulator.requests[1]?.body).toEqual(BODY)
    expect(() => simulator.onlyRequest()).toThrow('got 2')
  })

  test('answers carry the limits, an etag, a turn state and a request id', async () => {
    const simulator = await useSimulator()
    const { headers } = await post(simulator)
    expect(headers.get('x-codex-primary-window-minutes')).toBe('300')
    expect(headers.get('x-models-etag')).toBe('"sim-1"')
    expect(headers.get('x-codex-turn-state')).toMatch(/^turn-state-/)
    expect(headers.get('x-request-id')).toBe(headers.get('x-oai-request-id'))
  })

  test('rules apply, unless strict is off', async () => {
    const strict = await useSimulator()
    const refused = await post(strict, { ...BODY, temperature: 1 })
    expect([refused.status, await refused.json()]).toEqual([400, { detail: 'Unsupported parameter: temperature' }])
    const lenient = await useSimulator({ strict: false })
    expect((await post(lenient, { ...BODY, temperature: 1 })).status).toBe(200)
  })

  test('queued scenarios come first, each once or as often as it says', async () => {
    const simulator = await useSimulator()
    simulator.play({ status: 503, repeat: 2 }, 'usage-limit', {
      stream: [{ say: 'ok' }],
      headers: { 'x-a': 'b', 'x-models-etag': null },
    })
    expect((await post(simulator)).status).toBe(503)
    expect((await post(simulator)).status).toBe(503)
    expect((await post(simulator)).status).toBe(429)
    const last = await post(simulator)
    expect([last.headers.get('x-a'), last.headers.get('x-models-etag')]).toEqual(['b', null])
    expect((await eventsOf(last)).at(-1)).toMatchObject({ type: 'response.completed' })
    expect((await post(simulator)).status).toBe(200)
  })

  test('a marker, a file scenario or a predicate chooses too', async () => {
    const match = { contains: 'weather' }
    const simulator = await useSimulator({ scenarios: [{ name: 'sunny', match, stream: [{ say: 'Sun.' }] }] })
    simulator.on(
      ({ body }) => body.model === 'gpt-plain',
      () => ({ status: 418 }),
    )
    expect((await post(simulator, says('[[scenario:overloaded]] x'))).status).toBe(503)
    expect(await (await post(simulator, says('the weather?'))).text()).toContain('Sun.')
    expect((await post(simulator, { ...BODY, model: 'gpt-plain' })).status).toBe(418)
    expect((await post(simulator, says('[[scenario:nope]]'))).status).toBe(400)
    expect(simulator.requests.map(({ scenario }) => scenario)).toEqual([
      'overloaded',
      'sunny',
      undefined,
      'broken script',
    ])
  })

  test('the control endpoint queues, shows and resets', async () => {
    const simulator = await useSimulator()
    const control = (path: string, init: RequestInit = {}) => fetch(`${simulator.url}/_simulator${path}`, init)
    const sent = await control('/scenario', { method: 'POST', body: JSON.stringify({ name: 'overloaded' }) })
    expect(sent.status).toBe(200)
    expect((await post(simulator)).status).toBe(503)
    expect(await (await control('/requests')).json()).toMatchObject({ requests: [{ body: BODY, status: 503 }] })
    expect(await (await control('')).json()).toMatchObject({
      builtin_scenarios: expect.arrayContaining(['usage-limit']),
    })
    const wrong = await control('/scenario', { method: 'POST', body: '{"stream":[{"texts":1}]}' })
    expect([wrong.status, ((await wrong.json()) as JsonObject).detail]).toEqual([
      400,
      expect.stringMatching(/stream\.0/),
    ])
    await control('', { method: 'DELETE' })
    expect(simulator.requests).toEqual([])
  })

  test('cached tokens grow with a repeated prefix', async () => {
    const simulator = await useSimulator()
    const input = [USER, { role: 'assistant', content: 'x'.repeat(4000) }, USER]
    const last = async (body: JsonObject) => (await eventsOf(await post(simulator, body))).at(-1)
    const body = { ...BODY, prompt_cache_key: 'k', input }
    expect(await last(body)).toMatchObject({ response: { usage: { input_tokens_details: { cached_tokens: 0 } } } })
    expect(await last(body)).toMatchObject({ response: { usage: { input_tokens_details: { cached_tokens: 1024 } } } })
  })
})
