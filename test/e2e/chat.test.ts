import { expect, test } from 'vitest'
import { arrayAt, isObject, type JsonObject } from '../../src/lib/json.ts'
import { turnOf } from '../../src/simulator/default-answer.ts'
import { ev, item } from '../../src/simulator/events.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import { startGateway } from '../support/gateway.ts'

/** The input items of the nth request the backend got. */
function inputOf(simulator: Simulator, index: number): JsonObject[] {
  return arrayAt(simulator.requests[index]?.body ?? {}, 'input')?.filter(isObject) ?? []
}

const hello = [{ role: 'user' as const, content: 'Hello' }]
const model = 'openai-codex:gpt-5.5'
const weather = {
  type: 'function' as const,
  function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
}

test('T-11: an answer in one piece has text, finish, model and usage', async () => {
  const { client, simulator } = await startGateway()
  simulator.play({ stream: turnOf([item.message('Good day.')]) })
  const answer = await client.chat.completions.create({ model, messages: hello })
  expect(answer.choices).toMatchObject([{ message: { content: 'Good day.' }, finish_reason: 'stop' }])
  expect(answer.model).toBe(model)
  expect(answer.usage).toEqual({
    prompt_tokens: 100,
    completion_tokens: 20,
    total_tokens: 120,
    prompt_tokens_details: { cached_tokens: 40 },
    completion_tokens_details: { reasoning_tokens: 7 },
  })
})

test('T-12, S-15, S-16: a stream opens with the role, ends with finish, usage and [DONE]', async () => {
  const { post, simulator } = await startGateway()
  simulator.play({ stream: turnOf([item.message('Good day.')]) })
  const response = await post('/v1/chat/completions', {
    model,
    messages: hello,
    stream: true,
    stream_options: { include_usage: true },
  })
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
  expect([response.headers.get('cache-control'), response.headers.get('x-accel-buffering')]).toEqual(['no-cache', 'no'])
  const frames = (await response.text())
    .trim()
    .split('\n\n')
    .map((frame) => frame.replace(/^data: /, ''))
  expect(frames.at(-1)).toBe('[DONE]')
  const chunks = frames.slice(0, -1).map((frame) => JSON.parse(frame))
  expect(chunks[0].choices[0].delta).toEqual({ role: 'assistant', content: '' })
  expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe('Good day.')
  expect(chunks.at(-2)).toMatchObject({ choices: [{ delta: {}, finish_reason: 'stop' }], usage: null })
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 120 } })
  expect(new Set(chunks.map(({ id, created }) => `${id} ${created}`)).size).toBe(1)
})

for (const [name, shape] of [
  ['one byte a write', { chunkBytes: 1 }],
  ['CRLF', { newline: '\r\n' as const, chunkBytes: 7 }],
  ['CR', { newline: '\r' as const, chunkBytes: 5 }],
] as const) {
  test(`T-13, T-14: parallel calls, ${name}, keep index, id and arguments`, async () => {
    const { client, simulator } = await startGateway()
    const calls = [
      item.functionCall('weather', '{"city":"Köln"}', { id: 'fc_a', call_id: 'call_a' }),
      item.functionCall('weather', '{"city":"Bern"}', { id: 'fc_b', call_id: 'call_b' }),
    ]
    simulator.play({ stream: turnOf(calls), ...shape })
    const stream = client.chat.completions.stream({ model, messages: hello, tools: [weather] })
    const { choices } = await stream.finalChatCompletion()
    expect(choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        tool_calls: [
          { id: 'call_a', function: { name: 'weather', arguments: '{"city":"Köln"}' } },
          { id: 'call_b', function: { name: 'weather', arguments: '{"city":"Bern"}' } },
        ],
      },
    })
  })
}

test('T-04: a tool round trip keeps order, ids and plain outputs', async () => {
  const { client, simulator } = await startGateway()
  const call = (id: string) => ({ id, type: 'function' as const, function: { name: 'weather', arguments: '{"a":1}' } })
  await client.chat.completions.create({
    model,
    tools: [weather],
    messages: [
      ...hello,
      { role: 'assistant', content: 'I look.', tool_calls: [call('call_1'), call('call_2')] },
      { role: 'tool', tool_call_id: 'call_1', content: 'sun' },
      { role: 'tool', tool_call_id: 'call_2', content: 'rain' },
    ],
  })
  expect(inputOf(simulator, 0).slice(1)).toEqual([
    { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'I look.' }] },
    { type: 'function_call', call_id: 'call_1', name: 'weather', arguments: '{"a":1}' },
    { type: 'function_call', call_id: 'call_2', name: 'weather', arguments: '{"a":1}' },
    { type: 'function_call_output', call_id: 'call_1', output: 'sun' },
    { type: 'function_call_output', call_id: 'call_2', output: 'rain' },
  ])
})

test('K-01, K-09, E-02: the backend gets D, the system text as developer input, and nothing of the client', async () => {
  const { post, simulator } = await startGateway()
  const messages = [{ role: 'system', content: 'You are Bob' }, ...hello]
  await post(
    '/v1/chat/completions',
    { model, messages },
    { cookie: 'a=b', 'x-forwarded-for': '9.9.9.9', authorization: 'Bearer gateway-key' },
  )
  const [request] = simulator.requests
  expect(request?.body.instructions).toBe('You are the simulated model gpt-5.5. Answer briefly.')
  expect(inputOf(simulator, 0)[0]).toEqual({
    type: 'message',
    role: 'developer',
    content: [{ type: 'input_text', text: 'You are Bob' }],
  })
  expect(request?.body.tools).toBeUndefined()
  expect([request?.headers.cookie, request?.headers['x-forwarded-for']]).toEqual([undefined, undefined])
  expect(JSON.stringify(request)).not.toContain('gateway-key')
})

test('T-25: a lite model is asked in the lite shape and accepted by the backend', async () => {
  const { client, simulator } = await startGateway()
  await client.chat.completions.create({ model: 'gpt-5.6-sol', messages: hello, tools: [weather] })
  const [request] = simulator.requests
  expect(request?.headers['x-openai-internal-codex-responses-lite']).toBe('true')
  expect(inputOf(simulator, 0)[0]?.type).toBe('additional_tools')
  expect([request?.body.tools, request?.body.instructions]).toEqual([undefined, undefined])
})

test('P-01: what the backend has no use for is left out and reported', async () => {
  const { post, simulator } = await startGateway()
  const response = await post('/v1/chat/completions', {
    model,
    temperature: 1,
    messages: hello,
    user: 'u',
    seed: null,
    zork: 1,
  })
  expect(response.status).toBe(200)
  expect(response.headers.get('x-codexway-dropped-params')).toBe('temperature, user, zork')
  expect(simulator.requests[0]?.body).not.toHaveProperty('temperature')
})

test('P-08: at a stop sequence the text ends and the upstream is closed', async () => {
  const { client, simulator } = await startGateway()
  simulator.play({
    stream: [ev.created(), ev.added(item.message('', { content: [] })), ev.text('a E'), ev.text('N'), ev.text('D b')],
    end: 'stall',
  })
  const answer = await client.chat.completions.create({ model, messages: hello, stop: 'END' })
  expect(answer.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: 'a ' } })
  await expect.poll(() => simulator.requests[0]?.closedAtMs, { timeout: 1500 }).toBeDefined()
})

test('I-04: sealed reasoning goes back right before the call it led to', async () => {
  const { client, simulator } = await startGateway()
  const reasoning = { type: 'reasoning', id: 'rs_x', summary: [], encrypted_content: 'gAAA' }
  simulator.play({ stream: turnOf([reasoning, item.functionCall('weather', '{}', { call_id: 'call_1' })]) })
  const first = await client.chat.completions.create({ model, messages: hello, tools: [weather] })
  const message = first.choices[0]?.message
  if (message === undefined) throw new Error('no message')
  await client.chat.completions.create({
    model,
    tools: [weather],
    messages: [...hello, message, { role: 'tool', tool_call_id: 'call_1', content: 'sun' }],
  })
  const input = inputOf(simulator, 1)
  expect(input.map(({ type }) => type)).toEqual(['message', 'reasoning', 'function_call', 'function_call_output'])
  expect(simulator.requests[1]?.body.prompt_cache_key).toBe(simulator.requests[0]?.body.prompt_cache_key)
})
