import OpenAI from 'openai'
import { ResponsesWS } from 'openai/resources/responses/ws'
import { describe, expect, test } from 'vitest'
import { type JsonObject, objectAt } from '../../src/lib/json.ts'
import { ev, item } from '../../src/simulator/events.ts'
import type { ScenarioInput } from '../../src/simulator/scenario.ts'
import { itemsOf, RESPONSES } from '../support/ask.ts'
import { askOver, CLI, openSocket, refusalOver, startWithSocket } from '../support/client-socket.ts'
import { brief } from '../support/conversation.ts'
import { startGateway } from '../support/gateway.ts'
import { responseIdOf } from '../support/socket-client.ts'

const user = (text: string) => ({ type: 'message', role: 'user', content: [{ type: 'input_text', text }] })

/** Everything that stays the same from one answer to the next. */
function settled(text: string): string {
  return text
    .replace(/"created_at":\d+/g, '"created_at":0')
    .replace(/(resp|msg|rs|fc)_[0-9a-f]{10,}/g, '$1_x')
    .replace(/"(encrypted_content|obfuscation)":"[^"]*"/g, '"$1":"x"')
}

/** The finished items of an answer. */
function itemsIn(events: readonly JsonObject[]): JsonObject[] {
  return events.flatMap((event) => (event.type === 'response.output_item.done' ? [objectAt(event, 'item') ?? {}] : []))
}

/** The same as input, the way the backend gets them. */
function asInput(events: readonly JsonObject[]): JsonObject[] {
  return itemsIn(events).map(({ id: _id, status: _status, ...rest }) => rest)
}

describe('the same answer as over HTTP, event for event and byte for byte', () => {
  const rows: readonly [string, ScenarioInput][] = [
    [
      'text with every kind of character',
      { stream: [{ say: 'Grüße “an” alle — 世界 \u2028 \\n 🙂' }], chunking: 'byte' },
    ],
    [
      'reasoning and calls',
      {
        stream: [
          { created: true },
          { reasoning: { summary: ['Think'] } },
          { tool_call: { name: 'read', arguments: '{"path": "a"}', call_id: 'call_1', deltas: 4 } },
          { completed: true },
        ],
      },
    ],
    [
      'what the backend leaves out',
      { stream: [ev.text('Hi'), ev.done(item.message('Hi')), ev.completed('resp_1', { output: [] })] },
    ],
    ['a late failure', { stream: [ev.created(), ev.text('Hi'), ev.failed({ code: 'server_error', message: 'Oh.' })] }],
    ['an end that never comes', { stream: [ev.created(), ev.text('Hi')], end: 'close_socket' }],
  ]
  for (const webSocket of ['accept', 426] as const) {
    test.each(rows)(`%s, upstream ${webSocket}`, async (_name, scenario) => {
      const { gateway, socket } = await startWithSocket({ simulator: { webSocket } })
      const texts: string[] = []
      socket.socket.on('message', (data) => texts.push(String(data)))
      const body = { input: 'Hello', tools: [{ type: 'function', name: 'read', parameters: { type: 'object' } }] }
      gateway.simulator.play(scenario)
      await askOver(socket, body)
      gateway.simulator.play(scenario)
      const streamed = await gateway.post(RESPONSES, { model: 'gpt-5.5', stream: true, ...body })
      const data = [...(await streamed.text()).matchAll(/^data: ([^\n]*)$/gm)].map(([, json = '']) => json)
      expect(texts.map(settled)).toEqual(data.map(settled))
    })
  }
})

describe('W-06: going on from an answer of the same connection', () => {
  test('with store: false, by its id, and only what is new goes on to the backend', async () => {
    const { gateway, socket } = await startWithSocket({ simulator: { webSocket: 'accept' } })
    const first = await askOver(socket, { input: 'One.', store: false })
    const second = await askOver(socket, {
      input: [user('Two.')],
      store: false,
      previous_response_id: responseIdOf(first),
    })
    expect(gateway.simulator.requests.map(brief)).toEqual([
      { transport: 'websocket', connection: 1, continues: true, sent: 1, of: 1 },
      { transport: 'websocket', connection: 1, continues: true, sent: 1, of: 4 },
    ])
    const third = { input: 'Three.', previous_response_id: responseIdOf(second) }
    const elsewhere = await openSocket(gateway)
    expect(await refusalOver(elsewhere, third)).toMatchObject({
      status: 400,
      error: { code: 'previous_response_not_found', param: 'previous_response_id' },
    })
    expect((await gateway.post(RESPONSES, { model: 'gpt-5.5', ...third })).status).toBe(400)
    // The connection itself forgets nothing by it.
    expect((await askOver(socket, third)).at(-1)).toMatchObject({ type: 'response.completed' })
  })

  test('over HTTP upstream the backend gets the whole conversation, and never the id', async () => {
    const { gateway, socket } = await startWithSocket()
    const first = await askOver(socket, { input: 'One.', store: false })
    const reference = { type: 'item_reference', id: itemsIn(first).at(-1)?.id }
    await askOver(socket, { input: 'Two.', store: false, previous_response_id: responseIdOf(first) })
    await askOver(socket, { input: [user('One.'), reference, user('Three.')], store: false })
    const [, second, third] = gateway.simulator.requests.map(({ body }) => body)
    expect(itemsOf(second)).toEqual([user('One.'), ...asInput(first), user('Two.')])
    expect(itemsOf(third)).toEqual([user('One.'), asInput(first).at(-1), user('Three.')])
    expect([second, third].some((body) => body !== undefined && 'previous_response_id' in body)).toBe(false)
  })

  test('a stored answer is known to other connections and over HTTP, and the other way round', async () => {
    const { gateway, socket } = await startWithSocket()
    const first = await askOver(socket, 'One.')
    const next = { model: 'gpt-5.5', input: 'Two.', previous_response_id: responseIdOf(first) }
    const posted = (await (await gateway.post(RESPONSES, next)).json()) as JsonObject
    const events = await askOver(await openSocket(gateway), { input: 'Three.', previous_response_id: posted.id })
    expect(events.at(-1)).toMatchObject({ type: 'response.completed' })
    expect(itemsOf(gateway.simulator.requests.at(-1)?.body)).toHaveLength(7)
  })

  test('a warm-up is answered here, and can be gone on from', async () => {
    const { gateway, socket } = await startWithSocket({ simulator: { webSocket: 'accept' } })
    const { simulator } = gateway
    const empty = await askOver(socket, { model: 'gpt-5.6-sol', input: [], generate: false, store: false })
    expect(empty).toMatchObject([
      { type: 'response.created', sequence_number: 0, response: { status: 'in_progress', output: [] } },
      { type: 'response.in_progress', sequence_number: 1 },
      {
        type: 'response.completed',
        sequence_number: 2,
        response: { status: 'completed', output: [], model: 'gpt-5.6-sol' },
      },
    ])
    const whole = await askOver(socket, {
      input: [user('Rules.')],
      generate: false,
      previous_response_id: responseIdOf(empty),
    })
    expect([simulator.requests, simulator.warmUps, simulator.connections]).toEqual([[], [], []])
    await askOver(socket, { input: 'Hello', previous_response_id: responseIdOf(whole) })
    expect(simulator.onlyRequest().context).toEqual([user('Rules.'), user('Hello')])
    // Nothing new is needed where everything has been said.
    await askOver(socket, { input: [], previous_response_id: responseIdOf(whole) })
    expect(simulator.requests.at(-1)?.context).toEqual([user('Rules.')])
    expect(await refusalOver(socket, { input: [], previous_response_id: responseIdOf(empty) })).toMatchObject({
      error: { param: 'input' },
    })
  })
})

describe('failures are messages, and the connection goes on', () => {
  const rows: readonly [string, JsonObject | string | Buffer, JsonObject][] = [
    ['no JSON', '{"type":', { status: 400, error: { code: 'invalid_json' } }],
    ['no object', '[]', { status: 400, error: { code: 'invalid_json' } }],
    ['not text', Buffer.from('{}'), { status: 400, error: { code: 'invalid_json' } }],
    ['another type', { type: 'response.steer' }, { status: 400, error: { param: 'type' } }],
    ['no model', { type: 'response.create', input: 'x' }, { status: 400, error: { param: 'model' } }],
    ['no input', { type: 'response.create', model: 'gpt-5.5' }, { status: 400, error: { param: 'input' } }],
    [
      'generate as a text',
      { type: 'response.create', model: 'gpt-5.5', input: 'x', generate: 'no' },
      { status: 400, error: { param: 'generate' } },
    ],
    [
      'a lane of its own',
      { type: 'response.create', model: 'gpt-5.5', input: 'x', stream_id: 'a' },
      { status: 400, error: { code: 'unsupported_parameter', param: 'stream_id' } },
    ],
    [
      'in the background',
      { type: 'response.create', model: 'gpt-5.5', input: 'x', background: true },
      { status: 400, error: { code: 'unsupported_parameter', param: 'background' } },
    ],
    [
      'a backend nobody has',
      { type: 'response.create', model: 'ghost:gpt-5.5', input: 'x' },
      { status: 404, error: { code: 'model_not_found', param: 'model' } },
    ],
  ]
  test.each(rows)('%s', async (_name, message, expected) => {
    const { gateway, socket } = await startWithSocket()
    socket.socket.send(typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message))
    const [error] = await socket.answer()
    expect(error).toMatchObject({ type: 'error', ...expected })
    expect(Object.keys(error?.error as JsonObject)).toEqual(
      expect.arrayContaining(['message', 'type', 'param', 'code']),
    )
    expect(error?.headers).toMatchObject({ 'x-codexway-request-id': expect.stringMatching(/^req_/) })
    expect(gateway.simulator.requests).toEqual([])
    expect((await askOver(socket, 'Hello')).at(-1)).toMatchObject({ type: 'response.completed' })
  })

  test('a refusal of the backend keeps its status, its details and its headers', async () => {
    for (const webSocket of ['accept', 426] as const) {
      const { gateway, socket } = await startWithSocket({ simulator: { webSocket } })
      const body = {
        error: { type: 'usage_limit_reached', message: 'Enough.', plan_type: 'plus', resets_in_seconds: 60 },
      }
      gateway.simulator.play({ status: 429, body, headers: { 'x-codex-primary-used-percent': '100' } })
      expect(await refusalOver(socket, 'Hello')).toMatchObject({
        status: 429,
        error: { code: 'usage_limit_reached', plan_type: 'plus', resets_in_seconds: 60 },
        headers: { 'retry-after': '60', 'x-should-retry': 'false', 'x-codex-primary-used-percent': '100' },
      })
      expect((await askOver(socket, 'Hello')).at(-1)).toMatchObject({ type: 'response.completed' })
    }
  })

  test('a failure behind the preamble is an error, one behind output a response.failed', async () => {
    const { gateway, socket } = await startWithSocket()
    gateway.simulator.play({ stream: [ev.created(), ev.failed({ code: 'server_error', message: 'Oh.' })] })
    expect(await refusalOver(socket, 'Hello')).toMatchObject({ status: 502, error: { code: 'server_error' } })
    gateway.simulator.play({ stream: [ev.created(), ev.text('Hi')], end: 'cut' })
    expect((await askOver(socket, 'Hello')).at(-1)).toMatchObject({
      type: 'response.failed',
      response: { status: 'failed', error: { code: 'upstream_stream_ended' } },
    })
  })

  test('nobody is signed in', async () => {
    const { socket } = await startWithSocket({ auth: null })
    const expected = { status: 401, error: { code: 'codex_auth_missing' } }
    expect(await refusalOver(socket, 'Hello')).toMatchObject(expected)
    expect(await refusalOver(socket, { input: [], generate: false })).toMatchObject(expected)
  })
})

test('what was dropped or changed is said ahead of the answer', async () => {
  const { socket } = await startWithSocket()
  const [head, first] = await askOver(socket, { input: 'Hello', temperature: 1, stream: false })
  expect(head).toEqual({ type: 'codex.response.metadata', headers: { 'x-codexway-dropped-params': 'temperature' } })
  expect(first).toMatchObject({ type: 'response.created' })
})

test('the Codex CLI gets what HTTP says in headers, and its own reach the backend, from its messages too', async () => {
  const upgrade = { ...CLI, 'x-codex-turn-metadata': '{"request_kind":"prewarm"}', 'x-codex-beta-features': 'b' }
  const { gateway, socket } = await startWithSocket({}, { headers: upgrade })
  const metadata = {
    'x-codex-turn-metadata': '{"request_kind":"turn"}',
    'x-codex-window-id': 'w:1',
    ws_request_header_x_openai_internal_codex_responses_lite: 'true',
    turn_id: 't',
  }
  const [head] = await askOver(socket, { input: 'Hello', client_metadata: metadata })
  expect(head).toMatchObject({
    type: 'codex.response.metadata',
    headers: { 'x-codex-primary-used-percent': expect.any(String), 'x-codexway-request-id': expect.any(String) },
  })
  const { body, headers } = gateway.simulator.onlyRequest()
  expect(headers).toMatchObject({
    'x-codex-turn-metadata': '{"request_kind":"turn"}',
    'x-codex-window-id': 'w:1',
    'x-codex-beta-features': 'b',
  })
  expect(headers).not.toHaveProperty('x-openai-internal-codex-responses-lite')
  const { ws_request_header_x_openai_internal_codex_responses_lite: _, ...kept } = metadata
  expect(body.client_metadata).toEqual(kept)
})

describe('the official SDK', () => {
  test('streams two turns and hears of an error', async () => {
    const { url, simulator } = await startGateway({ simulator: { webSocket: 'accept' } })
    const ws = new ResponsesWS(new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused' }))
    const seen: string[] = []
    ws.on('response.output_text.delta', ({ delta }) => seen.push(delta))
    const completed = () =>
      new Promise<string>((resolve) => ws.once('response.completed', (e) => resolve(e.response.id)))
    simulator.play({ stream: [{ say: 'One.' }] }, { stream: [{ say: 'Two.' }] })
    const create = (fields: object) => ws.send({ type: 'response.create', model: 'gpt-5.5', store: false, ...fields })
    const first = completed()
    create({ input: 'a' })
    const second = first.then((id) => {
      const done = completed()
      create({ input: 'b', previous_response_id: id })
      return done
    })
    await second
    expect(seen.join('')).toBe('One.Two.')
    const failed = new Promise<{ message: string }>((resolve) => ws.once('error', resolve))
    create({ input: 'c', previous_response_id: 'resp_unknown' })
    expect((await failed).message).toContain('resp_unknown')
    ws.close()
    expect(simulator.requests.map(brief).map(({ sent, of }) => [sent, of])).toEqual([
      [1, 1],
      [1, 3],
    ])
  })
})
