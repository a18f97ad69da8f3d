import { gzipSync, zstdCompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { turnOf } from '../../src/simulator/default-answer.ts'
import { ev, item } from '../../src/simulator/events.ts'
import { startGateway } from '../support/gateway.ts'

const chat = { model: 'gpt-5.5', stream: true, messages: [{ role: 'user', content: 'Hello' }] }
const responses = { model: 'gpt-5.5', stream: true, input: 'Hello' }
const begun = [ev.created(), ev.added(item.message('', { content: [], status: 'in_progress' })), ev.text('Hel')]

/** The error object of an answer. */
async function errorOf(response: Response): Promise<{ code: string; message: string }> {
  const body = (await response.json()) as { error: { code: string; message: string } }
  return body.error
}

test('R-04: the Responses stream is the backend’s own, byte for byte', async () => {
  const { post, simulator } = await startGateway()
  const events = turnOf([item.message('Köln “☀” done.')])
  simulator.play({
    stream: [
      ev.rateLimits({ rate_limits: {} }),
      ...events.slice(0, -1),
      ev.completed('resp_9', { output: [item.message('x')] }),
    ],
  })
  const text = await (await post('/v1/responses', responses)).text()
  const sent = [...events.slice(0, -1), ev.completed('resp_9', { output: [item.message('x')] })]
  expect(text).toBe(sent.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(''))
})

test('R-12: an empty final output is filled from the items', async () => {
  const { client, simulator } = await startGateway()
  simulator.play({ stream: turnOf([item.message('one'), item.functionCall('f', '{}')]) })
  const answer = await client.responses.create({ model: 'gpt-5.5', input: 'Hello' })
  expect(answer.output.map(({ type }) => type)).toEqual(['message', 'function_call'])
  expect(answer.output_text).toBe('one')
})

test('R-07: previous_response_id brings the earlier conversation back', async () => {
  const { client, simulator } = await startGateway()
  simulator.play({ stream: turnOf([item.message('one')]) })
  const first = await client.responses.create({ model: 'gpt-5.5', input: 'Hello' })
  await client.responses.create({ model: 'gpt-5.5', input: 'And?', previous_response_id: first.id })
  const { input, previous_response_id: id } = simulator.requests[1]?.body ?? {}
  expect((input as { role: string }[]).map(({ role }) => role)).toEqual(['user', 'assistant', 'user'])
  expect(id).toBeUndefined()
})

test('S-01: the first chunk does not wait for the rest', async () => {
  const { post, simulator } = await startGateway()
  simulator.play({ stream: [...begun, { pauseMs: 2000 }, ev.done(item.message('Hel')), ev.completed()] })
  const startedAt = Date.now()
  const reader = (await post('/v1/chat/completions', chat)).body?.getReader()
  await reader?.read()
  expect(Date.now() - startedAt).toBeLessThan(1000)
  await reader?.cancel()
})

test('S-04: a failure right behind the preamble is a true status', async () => {
  const { post, simulator } = await startGateway()
  simulator.play({
    stream: [ev.created(), ev.failed({ code: 'rate_limit_exceeded', message: 'Slow down, try again in 1.2s' })],
  })
  const response = await post('/v1/chat/completions', chat)
  expect([response.status, response.headers.get('retry-after')]).toEqual([429, '2'])
})

test('S-05: a late failure is an error in the protocol’s form, without a finish', async () => {
  const { post, simulator } = await startGateway()
  const failed = ev.failed({ code: 'server_error', message: 'It broke' })
  simulator.play({ stream: [...begun, { pauseMs: 200 }, failed] }, { stream: [...begun, { pauseMs: 200 }, failed] })
  const text = await (await post('/v1/chat/completions', chat)).text()
  expect(text).toContain('"error":{"message":"It broke"')
  expect(text).not.toMatch(/\[DONE\]|"finish_reason":"/)
  const relayed = await (await post('/v1/responses', responses)).text()
  expect(relayed.endsWith(`data: ${JSON.stringify(failed)}\n\n`)).toBe(true)
})

for (const end of ['cut', 'close'] as const) {
  test(`S-06, S-07: a stream that just ends (${end}) is a failure, never a finish`, async () => {
    const { post, simulator } = await startGateway()
    simulator.play(
      { stream: [...begun, { pauseMs: 100 }], end },
      { stream: [...begun, { pauseMs: 100 }], end },
      { stream: begun, end },
    )
    const text = await (await post('/v1/chat/completions', chat)).text()
    expect(text).toContain('"code":"upstream_stream_ended"')
    expect(text).not.toContain('[DONE]')
    expect(await (await post('/v1/responses', responses)).text()).toContain('event: response.failed')
    const whole = await post('/v1/chat/completions', { ...chat, stream: false })
    expect(whole.status).toBe(502)
  })
}

test('S-08: a silence is broken by comments between events', async () => {
  const { post, simulator } = await startGateway({ keepaliveMs: 50 })
  simulator.play({ stream: [...begun, { pauseMs: 400 }, ev.done(item.message('Hel')), ev.completed()] })
  const text = await (await post('/v1/chat/completions', chat)).text()
  expect(text.split(': keepalive\n\n').length).toBeGreaterThan(2)
})

test('S-09: the upstream is closed when the client leaves', async () => {
  const { post, simulator } = await startGateway()
  simulator.play({ stream: begun, end: 'stall' })
  const controller = new AbortController()
  const response = await post('/v1/chat/completions', chat, {}, controller.signal)
  await response.body?.getReader().read()
  controller.abort()
  await expect.poll(() => simulator.requests[0]?.closedAtMs, { timeout: 1500 }).toBeDefined()
})

test('X-01: a used-up plan says until when, and that trying again is no use', async () => {
  const { post, simulator } = await startGateway()
  const error = {
    type: 'usage_limit_reached',
    message: 'The usage limit has been reached',
    plan_type: 'free',
    resets_in_seconds: 90,
  }
  simulator.play({ status: 429, body: { error } })
  const response = await post('/v1/chat/completions', chat)
  expect([response.status, response.headers.get('retry-after'), response.headers.get('x-should-retry')]).toEqual([
    429,
    '90',
    'false',
  ])
  expect(await response.json()).toMatchObject({
    error: { type: 'usage_limit_reached', code: 'usage_limit_reached', plan_type: 'free', param: null },
  })
})

test('X-06: 503 is tried again once', async () => {
  const { post, simulator } = await startGateway()
  const busy = { status: 503, body: { error: { message: 'busy' } } }
  simulator.play(busy)
  expect((await post('/v1/chat/completions', chat)).status).toBe(200)
  simulator.play(busy, busy)
  expect((await post('/v1/chat/completions', chat)).status).toBe(503)
  expect(simulator.requests).toHaveLength(4)
})

test('X-08: the edge’s HTML is no auth failure', async () => {
  const { post, simulator } = await startGateway()
  simulator.play({ status: 403, body: '<html>Just a moment</html>', headers: { 'cf-mitigated': 'challenge' } })
  const response = await post('/v1/chat/completions', chat)
  expect([response.status, (await errorOf(response)).code]).toEqual([502, 'upstream_blocked'])
  expect(simulator.calls).not.toContain('POST /oauth/token')
})

test('A-14: a refused token is refreshed once and the request repeated', async () => {
  const { post, simulator } = await startGateway()
  simulator.play({ status: 401, body: { detail: 'Unauthorized' } })
  expect((await post('/v1/chat/completions', chat)).status).toBe(200)
  expect(simulator.calls.filter((call) => call === 'POST /oauth/token')).toHaveLength(1)
})

test('A-05: without a sign-in the server runs and says what to do', async () => {
  const { url, post } = await startGateway({ auth: null })
  const response = await post('/v1/chat/completions', chat)
  const error = await errorOf(response)
  expect([response.status, error.code]).toEqual([401, 'codex_auth_missing'])
  expect(error.message).toContain('codex login')
  expect((await fetch(`${url}/v1/models`)).status).toBe(200)
  expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: 'ok' })
})

test('X-10: requests that are none of ours get clear refusals', async () => {
  const { url, post } = await startGateway()
  const status = async (response: Promise<Response>) => {
    const { status: code, headers } = await response
    return [code, headers.get('allow')]
  }
  expect(await status(post('/v1/chat/completions', '{'))).toEqual([400, null])
  expect(await status(post('/v1/chat/completions', '[]'))).toEqual([400, null])
  expect(await status(fetch(`${url}/v1/chat/completions`))).toEqual([405, 'POST'])
  expect(await status(post('/v1/embeddings', {}))).toEqual([404, null])
  expect(await status(post('/v1/chat/completions', 'x', { 'content-type': 'text/plain' }))).toEqual([415, null])
})

test('H-02: with keys configured, only they open the door', async () => {
  const { post, url } = await startGateway({ env: { CODEXWAY_API_KEYS: 'secret-1,secret-2' } })
  expect((await post('/v1/chat/completions', chat)).status).toBe(401)
  expect((await post('/v1/chat/completions', chat, { authorization: 'Bearer wrong' })).status).toBe(401)
  expect((await post('/v1/chat/completions', chat, { authorization: 'Bearer secret-2' })).status).toBe(200)
  expect((await post('/v1/chat/completions', chat, { 'x-api-key': 'secret-1' })).status).toBe(200)
  expect((await fetch(`${url}/health`)).status).toBe(200)
})

test('S-18: 200 streams at once keep their own contents', async () => {
  const { client } = await startGateway()
  const texts = await Promise.all(
    Array.from({ length: 200 }, async (_, i) => {
      const answer = await client.chat.completions
        .stream({ model: 'gpt-5.5', messages: [{ role: 'user', content: `number ${i}` }] })
        .finalContent()
      return answer
    }),
  )
  expect(texts).toEqual(texts.map((_, i) => `Simulated answer to: number ${i}`))
})

test('X-12: no token reaches a log line', async () => {
  const { post, logs, authPath } = await startGateway()
  await post('/v1/chat/completions', chat)
  const { readFileSync } = await import('node:fs')
  const { tokens } = JSON.parse(readFileSync(authPath, 'utf8'))
  for (const token of [tokens.access_token, tokens.refresh_token, 'person@example.com'])
    expect(logs.join('')).not.toContain(token)
})

test('H-08: deep nesting, __proto__ keys and lone surrogates are refused or handled, never a crash', async () => {
  const { post } = await startGateway()
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`
  const response = await post(
    '/v1/responses',
    `{"model":"gpt-5.5","input":[{"role":"user","content":"hi"},{"type":"x","x":${deep}}]}`,
  )
  expect([response.status, (await errorOf(response)).code]).toEqual([400, 'invalid_json'])
  const odd = '{"model":"gpt-5.5","__proto__":{"a":1},"messages":[{"role":"user","content":"a\\ud800b","__proto__":1}]}'
  expect((await post('/v1/chat/completions', odd)).status).toBe(200)
})

test('H-07: packed bodies are read, and their limit counts what comes out', async () => {
  const { url } = await startGateway({ env: {}, yaml: 'server: {max_body_bytes: 100000}' })
  const send = (body: Buffer, encoding: string) =>
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      body: new Uint8Array(body),
      headers: { 'content-type': 'application/json', 'content-encoding': encoding },
    })
  const text = JSON.stringify({ ...chat, stream: false })
  expect((await send(gzipSync(text), 'gzip')).status).toBe(200)
  expect((await send(zstdCompressSync(text), 'zstd')).status).toBe(200)
  expect((await send(gzipSync(' '.repeat(10_000_000)), 'gzip')).status).toBe(413)
})

test('H-04, H-05: a page of an allowed origin may ask, others may not', async () => {
  const { url, post } = await startGateway()
  const headers = {
    origin: 'http://localhost:5173',
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'x-stainless-os,authorization',
    'access-control-request-private-network': 'true',
  }
  const preflight = await fetch(`${url}/v1/chat/completions`, { method: 'OPTIONS', headers })
  expect(preflight.status).toBe(204)
  expect(preflight.headers.get('access-control-allow-headers')).toBe('x-stainless-os,authorization')
  expect(preflight.headers.get('access-control-allow-private-network')).toBe('true')
  expect(preflight.headers.get('vary')).toBe('origin')
  const foreign = await post('/v1/chat/completions', chat, { origin: 'https://evil.example' })
  expect([foreign.status, foreign.headers.get('access-control-allow-origin')]).toEqual([403, null])
})
