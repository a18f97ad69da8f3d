import OpenAI from 'openai'
import { expect, test } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { ev } from '../../src/simulator/events.ts'
import type { ScenarioInput } from '../../src/simulator/scenario.ts'
import { atBothDoors, CHAT, type DoorRequest, RESPONSES, readError } from '../support/doors.ts'
import { startGateway } from '../support/gateway.ts'
import { closedPort } from '../support/loopback.ts'

interface Row {
  readonly id: string
  readonly says: string
  /** What the backend answers every request with: a built-in scenario, or one in full. */
  readonly upstream: string | ScenarioInput
  readonly status: number
  readonly error: JsonObject
  /** Expected headers; null = absent. */
  readonly headers?: Record<string, string | null>
  /** Upstream requests for one client request. */
  readonly requests?: number
  readonly tokenCalls?: number
  /** Where the row names one: `param` of the door. */
  readonly param?: (door: DoorRequest) => string
  readonly doors?: (door: DoorRequest) => boolean
}

const context = expect.stringContaining('exceeds the context window')
const rows: readonly Row[] = [
  {
    id: 'X-02',
    says: 'a used-up plan under status 404 is still a used-up plan',
    upstream: 'usage-limit-404',
    status: 429,
    error: {
      type: 'usage_limit_reached',
      code: 'usage_limit_reached',
      plan_type: 'plus',
      resets_in_seconds: 3600,
      resets_at: expect.any(Number),
      message: expect.stringMatching(/It resets at \d{4}-\d\d-\d\dT/),
    },
    headers: { 'retry-after': '3600', 'x-should-retry': 'false', 'x-codex-primary-used-percent': '100' },
  },
  {
    id: 'X-03',
    says: 'refused instructions come with advice',
    upstream: 'instructions-invalid',
    status: 400,
    error: { code: 'codex_instructions_invalid', message: expect.stringMatching(/not valid.*codex_default/s) },
  },
  {
    id: 'X-04',
    says: 'an unsupported parameter is named',
    upstream: 'unsupported-parameter',
    status: 400,
    error: { code: 'unsupported_parameter', param: 'foo', message: 'Unsupported parameter: foo' },
  },
  {
    id: 'X-05',
    says: 'a full context names the field to shorten',
    upstream: 'context-length-exceeded',
    status: 400,
    error: { code: 'context_length_exceeded', message: context },
    param: ({ path }) => (path === CHAT ? 'messages' : 'input'),
  },
  {
    id: 'X-05',
    says: 'a full context reported as the first event does too',
    upstream: 'failed-context-length',
    status: 400,
    error: { code: 'context_length_exceeded', message: context },
    param: ({ path }) => (path === CHAT ? 'messages' : 'input'),
  },
  {
    id: 'X-07',
    says: 'a long Retry-After is passed on instead of waited for',
    upstream: { status: 503, headers: { 'retry-after': '60' }, body: { error: { message: 'busy' } } },
    status: 503,
    error: { code: 'server_error', message: 'busy' },
    headers: { 'retry-after': '60' },
  },
  {
    id: 'X-13',
    says: 'a model at capacity is no mistake of the request',
    upstream: 'at-capacity',
    status: 503,
    error: { code: 'server_is_overloaded', message: expect.stringContaining('at capacity') },
  },
  {
    id: 'X-13',
    says: 'an overload reported as the first event is a true 503',
    upstream: 'failed-overloaded',
    status: 503,
    error: { code: 'server_is_overloaded', type: 'server_error' },
  },
  {
    id: 'X-14',
    says: 'a refused workspace keeps its code and asks for no new sign-in',
    upstream: 'workspace-denied',
    status: 403,
    error: {
      code: 'codex_workspace_access_denied',
      type: 'permission_error',
      message: expect.not.stringMatching(/log ?in|sign/i),
    },
    headers: { 'x-should-retry': 'false' },
    tokenCalls: 0,
  },
  {
    id: 'X-15',
    says: 'a missing tool output keeps the backend’s words',
    upstream: 'no-tool-output',
    status: 400,
    error: { message: 'No tool output found for function call call_X.', param: 'input' },
    doors: ({ path }) => path === RESPONSES,
  },
  {
    id: 'X-16',
    says: 'a JSON error under status 200 is no answer',
    upstream: 'json-instead-of-stream',
    status: 502,
    error: { code: 'upstream_bad_response', message: expect.stringContaining('Something went wrong.') },
  },
  {
    id: 'X-17',
    says: 'a rate limit reported as the first event is a true 429 with its wait rounded up',
    upstream: 'failed-rate-limit',
    status: 429,
    error: { code: 'rate_limit_exceeded', type: 'rate_limit_error' },
    headers: { 'retry-after': '2', 'x-should-retry': null },
  },
  {
    id: 'X-22',
    says: 'missing permissions stay a refused sign-in after one refresh',
    upstream: 'missing-scopes',
    status: 401,
    error: {
      code: 'codex_auth_rejected',
      type: 'authentication_error',
      message: expect.stringContaining('insufficient permissions for this operation. Missing scopes: model.request'),
    },
    requests: 2,
    tokenCalls: 1,
  },
  {
    id: 'X-08',
    says: 'the edge’s page is neither shown nor taken for a bad sign-in',
    upstream: 'blocked-by-cdn',
    status: 502,
    error: { code: 'upstream_blocked', message: expect.stringMatching(/^[^<]*credentials are fine[^<]*$/) },
    headers: { 'x-should-retry': 'false' },
    tokenCalls: 0,
  },
  {
    id: '§13.1',
    says: 'a deactivated workspace is 402 and final',
    upstream: 'deactivated-workspace',
    status: 402,
    error: { code: 'deactivated_workspace', type: 'permission_error' },
    headers: { 'x-should-retry': 'false' },
    tokenCalls: 0,
  },
  {
    id: '§13.1',
    says: 'a plan without Codex stays 429 where the backend said so',
    upstream: 'usage-not-included',
    status: 429,
    error: { code: 'usage_not_included', message: expect.stringContaining('plan') },
    headers: { 'x-should-retry': 'false' },
  },
  {
    id: '§13.1',
    says: 'a plan without Codex under another status is 403',
    upstream: 'usage-not-included-404',
    status: 403,
    error: { code: 'usage_not_included' },
    headers: { 'x-should-retry': 'false' },
  },
  {
    id: '§13.1',
    says: 'a policy refusal is a 400 with its code',
    upstream: 'failed-cyber-policy',
    status: 400,
    error: { code: 'cyber_policy', type: 'invalid_request_error' },
  },
  {
    id: '§13.1',
    says: 'an unnamed failure is a 502',
    upstream: 'failed-unnamed',
    status: 502,
    error: { code: 'server_error' },
  },
  {
    id: '§13.1',
    says: 'a 500 is passed on, not tried again',
    upstream: 'server-error',
    status: 500,
    error: { code: 'server_error', message: 'The server had an error.' },
  },
  {
    id: '§13.1',
    says: 'a 404 without a body is the edge’s',
    upstream: 'not-found-empty',
    status: 502,
    error: { code: 'upstream_blocked' },
  },
  {
    id: '§13.1',
    says: 'an exhausted quota reported as the first event is a used-up plan',
    upstream: 'failed-quota',
    status: 429,
    error: { code: 'usage_limit_reached', type: 'usage_limit_reached' },
  },
]

for (const row of rows) {
  test(`${row.id}: ${row.says}`, async () => {
    const { post, simulator } = await startGateway()
    simulator.on(
      () => true,
      () => row.upstream,
    )
    const doors = atBothDoors().filter(row.doors ?? (() => true))
    expect(doors.length).toBeGreaterThan(0)
    for (const door of doors) {
      const before = simulator.requests.length
      const tokensBefore = simulator.countCalls('token')
      const response = await post(door.path, door.body)
      const error = await readError(response)
      expect([door.name, response.status]).toEqual([door.name, row.status])
      expect(error, door.name).toMatchObject(row.error)
      if (row.param !== undefined) expect([door.name, error.param]).toEqual([door.name, row.param(door)])
      for (const [name, value] of Object.entries(row.headers ?? {}))
        expect([door.name, name, response.headers.get(name)]).toEqual([door.name, name, value])
      expect([door.name, simulator.requests.length - before]).toEqual([door.name, row.requests ?? 1])
      if (row.tokenCalls !== undefined)
        expect([door.name, simulator.countCalls('token') - tokensBefore]).toEqual([door.name, row.tokenCalls])
    }
  })
}

test('X-01: the official SDK does not repeat a request of a used-up plan', async () => {
  const { url, simulator } = await startGateway()
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused', maxRetries: 5 })
  simulator.on(
    () => true,
    () => 'usage-limit',
  )
  const messages = [{ role: 'user' as const, content: 'Hello' }]
  await expect(client.chat.completions.create({ model: 'gpt-5.5', messages })).rejects.toMatchObject({
    status: 429,
    code: 'usage_limit_reached',
    type: 'usage_limit_reached',
  })
  await expect(client.responses.create({ model: 'gpt-5.5', input: 'Hello', stream: true })).rejects.toThrow(/resets at/)
  expect(simulator.requests).toHaveLength(2)
})

test('X-09: a backend that is down is named, after one more try', async () => {
  const port = await closedPort()
  const { post } = await startGateway({ env: { OPENAI_API_BASE_URL: `http://127.0.0.1:${port}/codex` } })
  const answers = atBothDoors().map(async ({ name, path, body }) => {
    const response = await post(path, body)
    const { code, message } = await readError(response)
    return [name, response.status, code, message.includes(`127.0.0.1:${port}`)]
  })
  expect(await Promise.all(answers)).toEqual(atBothDoors().map(({ name }) => [name, 502, 'upstream_unreachable', true]))
})

test('X-11, X-21: the backend’s limits are passed on; its cookies, catalogue tag and rerouted model are not', async () => {
  const { post, simulator } = await startGateway()
  const headers = {
    'x-codex-primary-used-percent': '12.5',
    'x-codex-secondary-window-minutes': '10080',
    'x-codex-credits-balance': '7',
    'x-codex-plan-type': 'pro',
    'x-codex-empty': '',
    'set-cookie': '__cf_bm=secret-cookie; Path=/',
    'x-models-etag': '"new"',
    'openai-model': 'gpt-5.5-other',
    'content-language': 'en',
  }
  for (const { name, path, body } of atBothDoors()) {
    simulator.play({ headers, stream: [{ say: 'Hi.' }] })
    const response = await post(path, body)
    await response.text()
    const seen = (key: string) => response.headers.get(key)
    expect([name, seen('x-codex-primary-used-percent'), seen('x-codex-secondary-window-minutes')]).toEqual([
      name,
      '12.5',
      '10080',
    ])
    expect([seen('x-codex-credits-balance'), seen('x-codex-plan-type')]).toEqual(['7', 'pro'])
    for (const key of ['set-cookie', 'x-models-etag', 'openai-model', 'x-codex-empty', 'content-language'])
      expect([name, key, seen(key)]).toEqual([name, key, null])
    simulator.play({ headers: { ...headers, 'openai-model': 'gpt-5.5' }, stream: [{ say: 'Hi.' }] })
    const same = await post(path, body)
    await same.text()
    expect(same.headers.get('openai-model')).toBe('gpt-5.5')
  }
})

test('X-11: an error carries the limits too, and never the cookie', async () => {
  const { post, simulator } = await startGateway()
  const headers = { 'x-codex-primary-used-percent': '100', 'set-cookie': '__cf_bm=x', 'x-models-etag': '"n"' }
  simulator.play({ status: 400, headers, body: { detail: 'No.' } })
  const response = await post(CHAT, atBothDoors()[0]?.body)
  expect([response.status, response.headers.get('x-codex-primary-used-percent')]).toEqual([400, '100'])
  expect([response.headers.get('set-cookie'), response.headers.get('x-models-etag')]).toEqual([null, null])
})

test('X-18: what this backend has no API for is 404 and says what there is', async () => {
  const { url, post, simulator } = await startGateway()
  for (const path of ['/v1/embeddings', '/v1/moderations', '/v1/images/variations', '/v1/audio/speech', '/nowhere']) {
    const response = await post(path, { model: 'gpt-5.5', input: 'x' })
    const error = await readError(response)
    expect([path, response.status, error.code, error.type]).toEqual([path, 404, 'unknown_url', 'invalid_request_error'])
    expect(error.message).toContain('/v1/chat/completions')
    expect(error.message).toContain('/v1/responses')
  }
  expect((await fetch(`${url}/v1/files`)).status).toBe(404)
  expect(simulator.requests).toHaveLength(0)
})

test('X-19: a weekly window in the primary slot is named by its length', async () => {
  const { url, post, simulator } = await startGateway()
  const resetsAt = Math.floor(Date.now() / 1000) + 1000
  simulator.play({
    headers: {
      'x-codex-primary-used-percent': '41',
      'x-codex-primary-window-minutes': '10080',
      'x-codex-primary-reset-at': String(resetsAt),
      'x-codex-secondary-used-percent': null,
      'x-codex-secondary-window-minutes': null,
      'x-codex-secondary-reset-at': null,
    },
    stream: [{ say: 'Hi.' }],
  })
  await (await post(CHAT, atBothDoors()[0]?.body)).text()
  expect(await (await fetch(`${url}/v1/usage`)).json()).toMatchObject({
    windows: [{ name: 'weekly', used_percent: 41, window_minutes: 10_080, resets_at: resetsAt }],
    observed_at: expect.anything(),
  })
})

test('X-20: every answer carries both ids, and ours is in the log', async () => {
  const { url, post, simulator, logs } = await startGateway()
  simulator.play(
    { headers: { 'x-request-id': 'up-1' }, stream: [{ say: 'Hi.' }] },
    { status: 400, headers: { 'x-request-id': 'up-2' }, body: { detail: 'No.' } },
  )
  const [door] = atBothDoors()
  const answers = {
    good: await post(CHAT, door?.body),
    refused: await post(CHAT, door?.body),
    local: await post(CHAT, '{'),
    unknown: await post('/v1/embeddings', {}),
    foreign: await post(CHAT, door?.body, { origin: 'https://evil.example' }),
    listed: await fetch(`${url}/v1/models`),
    health: await fetch(`${url}/health`),
    preflight: await fetch(`${url}${CHAT}`, {
      method: 'OPTIONS',
      headers: { origin: 'http://localhost:1', 'access-control-request-method': 'POST' },
    }),
  }
  expect([answers.good, answers.refused].map(({ headers }) => headers.get('x-request-id'))).toEqual(['up-1', 'up-2'])
  for (const [name, response] of Object.entries(answers)) {
    await response.text()
    const id = response.headers.get('x-codexway-request-id') ?? 'none'
    expect([name, id]).toEqual([name, expect.stringMatching(/^req_\w+$/)])
    expect([name, response.headers.get('x-request-id')]).toEqual([name, expect.stringMatching(/^(req_\w+|up-\d)$/)])
    await expect.poll(() => logs.filter((line) => line.includes(id)).length, { timeout: 2000 }).toBeGreaterThan(0)
  }
})

test('X-06: after 502 and 504 there is one more try too, and a short Retry-After is kept first', async () => {
  const rows = [
    { status: 502, waitMs: 450 },
    { status: 504, waitMs: 450 },
    { status: 503, headers: { 'retry-after': '1' }, waitMs: 950 },
  ]
  const checks = rows.map(async ({ status, headers = {}, waitMs }) => {
    const { post, simulator } = await startGateway()
    simulator.play({ status, headers, body: { error: { message: 'busy' } } })
    expect((await post(RESPONSES, { model: 'gpt-5.5', input: 'x' })).status).toBe(200)
    const [first, second, ...more] = simulator.requests
    expect([first?.status, second?.status, more]).toEqual([status, 200, []])
    expect((second?.receivedAtMs ?? 0) - (first?.receivedAtMs ?? 0)).toBeGreaterThanOrEqual(waitMs)
  })
  await Promise.all(checks)
})

test('§13.1: an error event in the middle becomes the door’s own failure', async () => {
  const { post, simulator } = await startGateway()
  const text = { type: 'response.output_text.delta', item_id: 'm', output_index: 0, content_index: 0, delta: 'Hi' }
  const scenario = {
    stream: [
      ev.created(),
      text,
      { pauseMs: 100 },
      ev.error({ code: 'server_error', message: 'It broke', param: null }),
    ],
  }
  simulator.play(scenario, scenario, scenario, scenario)
  for (const { name, path, body } of atBothDoors()) {
    const response = await post(path, body)
    const answer = await response.text()
    if (body.stream === false) expect([name, response.status]).toEqual([name, 502])
    else expect([name, response.status, answer.includes('[DONE]')]).toEqual([name, 200, false])
    expect([name, answer]).toEqual([name, expect.stringMatching(/"code":"server_error"/)])
    if (path === RESPONSES && body.stream === true) expect(answer).toContain('event: response.failed\n')
  }
})
