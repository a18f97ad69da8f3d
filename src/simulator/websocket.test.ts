import { describe, expect, test } from 'vitest'
import { BODY, post, USER, useSimulator } from '../../test/support/simulator.ts'
import {
  refusedUpgrade,
  responseIdOf,
  SocketClient,
  toMessage,
  upgradeHeaders,
} from '../../test/support/socket-client.ts'
import type { JsonObject } from '../lib/json.ts'

const LITE = {
  model: 'gpt-5.6-sol',
  instructions: undefined,
  parallel_tool_calls: false,
  reasoning: { effort: 'low', context: 'all_turns' },
  client_metadata: { ws_request_header_x_openai_internal_codex_responses_lite: 'true' },
}
const TOOLS = [{ type: 'function', name: 'get_weather', parameters: { type: 'object', properties: {} }, strict: false }]

function user(text: string): JsonObject {
  return { type: 'message', role: 'user', content: [{ type: 'input_text', text }] }
}

function typesOf(events: readonly JsonObject[]): unknown[] {
  return events.map(({ type }) => type)
}

describe('upgrade', () => {
  test('needs the sign-in and account of a POST, and the beta header', async () => {
    const simulator = await useSimulator()
    const good = upgradeHeaders(simulator)
    const { 'openai-beta': _, ...plain } = good
    const { 'chatgpt-account-id': __, ...foreign } = good
    expect(await refusedUpgrade(simulator, {})).toMatchObject({ status: 401, body: { detail: 'Unauthorized' } })
    expect(await refusedUpgrade(simulator, foreign)).toMatchObject({ status: 401 })
    const other = { ...foreign, 'chatgpt-account-id': 'other' }
    expect(await refusedUpgrade(simulator, other)).toMatchObject({
      status: 403,
      body: { error: { code: 'codex_workspace_access_denied' } },
    })
    expect(await refusedUpgrade(simulator, plain)).toMatchObject({ status: 400 })
    expect(await refusedUpgrade(simulator, upgradeHeaders(simulator), '/backend-api/codex/other')).toMatchObject({
      status: 404,
    })
    await SocketClient.open(simulator, good)
    expect([simulator.countCalls('upgrade'), simulator.connections.length]).toEqual([6, 1])
  })

  test('is refused as the option, a scripted call, a scenario or the control endpoint says', async () => {
    const closed = await useSimulator({ webSocket: 426 })
    expect(await refusedUpgrade(closed, {})).toMatchObject({
      status: 426,
      body: { error: { code: 'upgrade_required' } },
    })

    const simulator = await useSimulator()
    simulator.play('upgrade-usage-limit', { answers: 'upgrade', status: 503, headers: { 'retry-after': '7' } })
    expect(await refusedUpgrade(simulator)).toMatchObject({ status: 429, body: { error: { plan_type: 'plus' } } })
    // A request for an answer leaves what is meant for upgrades alone.
    expect((await post(simulator)).status).toBe(200)
    expect(await refusedUpgrade(simulator)).toMatchObject({ status: 503, headers: { 'retry-after': '7' } })
    simulator.playCall('upgrade', { status: 403, body: { detail: 'no' } })
    expect(await refusedUpgrade(simulator)).toMatchObject({ status: 403, body: { detail: 'no' } })
    const body = JSON.stringify({ name: 'overloaded', answers: 'upgrade' })
    await fetch(`${simulator.url}/_simulator/scenario`, { method: 'POST', body })
    expect(await refusedUpgrade(simulator)).toMatchObject({ status: 503, body: { error: { type: 'server_error' } } })
    await SocketClient.open(simulator)
  })

  test('a library scenario refuses the upgrades for its model', async () => {
    const match = { model: 'gpt-5.6-sol' }
    const simulator = await useSimulator({ scenarios: [{ name: 'no', answers: 'upgrade', match, status: 404 }] })
    const hint = (model: string) => ({ ...upgradeHeaders(simulator), 'x-codex-routing-hint': `model=${model};tier=x` })
    expect(await refusedUpgrade(simulator, hint('gpt-5.6-sol'))).toMatchObject({ status: 404 })
    await SocketClient.open(simulator, hint('gpt-5.5'))
  })

  test('may hang or be cut', async () => {
    const simulator = await useSimulator()
    simulator.play('upgrade-cut', 'upgrade-hang')
    await expect(SocketClient.open(simulator)).rejects.toThrow('socket hang up')
    const hanging = SocketClient.open(simulator, upgradeHeaders(simulator), { handshakeTimeout: 100 })
    await expect(hanging).rejects.toThrow('handshake has timed out')
  })

  test('compression is taken up where it is offered on both sides', async () => {
    const simulator = await useSimulator({ deflate: true })
    const input = [user('a'.repeat(20_000))]
    for (const perMessageDeflate of [false, true]) {
      const client = await SocketClient.open(simulator, upgradeHeaders(simulator), { perMessageDeflate })
      await client.ask({ input })
    }
    const [plain, packed] = simulator.requests.map(({ bytesReceived }) => bytesReceived)
    expect(simulator.connections.map(({ isCompressed }) => isCompressed)).toEqual([false, true])
    expect(plain).toBeGreaterThan(20_000)
    expect(packed).toBeLessThan(2000)
  })
})

describe('answers', () => {
  test('are the events of a POST, one message each, behind limits and metadata', async () => {
    const simulator = await useSimulator()
    simulator.play({ stream: [{ say: 'Hi there.' }] }, { stream: [{ say: 'Hi there.' }] })
    const posted = await (await post(simulator)).text()
    const [limits, metadata, ...events] = await (await SocketClient.open(simulator)).ask()
    expect(limits).toMatchObject({ type: 'codex.rate_limits', rate_limits: { primary: { window_minutes: 300 } } })
    expect(metadata).toMatchObject({ type: 'codex.response.metadata', headers: { 'openai-model': 'gpt-5.5' } })
    expect(typesOf(events)).toEqual([...posted.matchAll(/^event: (.*)$/gm)].map(([, name]) => name))
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, index) => index))
  })

  test('are made by the same rules as those of a POST, and the connection lives on', async () => {
    const simulator = await useSimulator()
    const client = await SocketClient.open(simulator)
    const asked = async (fields: JsonObject) => (await client.ask(fields)).at(-1)
    expect(await asked({ temperature: 1 })).toMatchObject({
      type: 'error',
      status: 400,
      error: { type: 'invalid_request_error', message: 'Unsupported parameter: temperature' },
      headers: { 'x-request-id': expect.any(String) },
    })
    expect(await asked({ store: true })).toMatchObject({ error: { message: 'Store must be set to false' } })
    expect(await asked({ input: [] })).toMatchObject({ error: { message: 'Input must not be empty' } })
    expect(await asked({ model: 'nope' })).toMatchObject({ status: 400 })
    expect(await asked({ type: 'response.cancel' })).toMatchObject({ error: { param: 'type' } })
    client.send('{"type":')
    expect(await client.answer()).toMatchObject([{ status: 400, error: { code: 'invalid_json' } }])
    expect(await asked({ stream: true })).toMatchObject({ type: 'response.completed' })
    expect(simulator.requests.map(({ status, transport }) => [status, transport])).toEqual([
      ...Array.from({ length: 4 }, () => [400, 'websocket']),
      [200, 'websocket'],
    ])
  })

  test('the lite shape is known by its mark in the message', async () => {
    const simulator = await useSimulator()
    const client = await SocketClient.open(simulator, {
      ...upgradeHeaders(simulator),
      'x-openai-internal-codex-responses-lite': 'true',
    })
    expect((await client.ask(LITE)).at(-1)).toMatchObject({ type: 'response.completed' })
    expect((await client.ask({ ...LITE, client_metadata: {} })).at(-1)).toMatchObject({ status: 400 })
  })

  test('come one at a time', async () => {
    const simulator = await useSimulator()
    simulator.play({ stream: [{ created: true }, { pause_ms: 60 }, { text: 'Late.' }, { completed: true }] })
    const client = await SocketClient.open(simulator)
    client.send(toMessage())
    client.send(toMessage())
    expect((await client.answer()).at(-1)).toMatchObject({ status: 400, error: { code: 'response_in_progress' } })
    expect((await client.answer()).at(-1)).toMatchObject({ type: 'response.completed' })
    expect((await client.ask()).at(-1)).toMatchObject({ type: 'response.completed' })
  })

  test('a message above 16 MiB ends the connection', async () => {
    const simulator = await useSimulator()
    const client = await SocketClient.open(simulator)
    await client.ask({ input: [user('x'.repeat(17 * 1024 * 1024))] })
    expect(await client.closed).toBe(1009)
    await expect.poll(() => simulator.connections[0]?.closedAtMs).toBeGreaterThan(0)
    expect(simulator.requests).toEqual([])
  })
})

describe('continuation', () => {
  test('the context is what was sent, what came back and what is new', async () => {
    const simulator = await useSimulator()
    simulator.play({
      stream: [
        { created: true },
        { reasoning: { summary: [], encrypted_content: 'gAAAAAB' } },
        { tool_call: { name: 'get_weather', arguments: {}, call_id: 'call_w' } },
        { completed: { output: 'empty' } },
      ],
    })
    const client = await SocketClient.open(simulator)
    const first = await client.ask({ tools: TOOLS, input: [user('weather?')] })
    const output = { type: 'function_call_output', call_id: 'call_w', output: 'sun' }
    const second = await client.ask({ tools: TOOLS, previous_response_id: responseIdOf(first), input: [output] })
    // What is no input may change.
    await client.ask({ model: 'gpt-plain', previous_response_id: responseIdOf(second), input: [user('thanks')] })

    const [, , request] = simulator.requests
    expect(request?.context.map((item) => item.type)).toEqual([
      'message',
      'reasoning',
      'function_call',
      'function_call_output',
      'message',
      'message',
    ])
    expect(request).toMatchObject({
      connection: 1,
      previousResponseId: responseIdOf(second),
      body: { input: [user('thanks')] },
    })
    expect(request?.context.at(-2)).toMatchObject({ content: [{ text: expect.stringContaining('sun') }] })
  })

  test('a response can be continued on its own live connection only', async () => {
    const simulator = await useSimulator()
    const client = await SocketClient.open(simulator)
    const previous = { previous_response_id: responseIdOf(await client.ask()), input: [USER] }
    const notFound = { status: 400, error: { code: 'previous_response_not_found', param: 'previous_response_id' } }
    const other = await SocketClient.open(simulator)
    expect((await other.ask(previous)).at(-1)).toMatchObject(notFound)
    expect((await client.ask({ previous_response_id: 'resp_x', input: [USER] })).at(-1)).toMatchObject(notFound)
    const posted = await post(simulator, { ...BODY, ...previous })
    expect(await posted.json()).toEqual({ detail: 'Unsupported parameter: previous_response_id' })
    expect((await client.ask(previous)).at(-1)).toMatchObject({ type: 'response.completed' })
    expect(simulator.requests.map(({ transport, connection }) => [transport, connection])).toEqual([
      ['websocket', 1],
      ['websocket', 2],
      ['websocket', 1],
      ['http', 1],
      ['websocket', 1],
    ])
  })

  test('a failed request takes what it continued with it', async () => {
    const simulator = await useSimulator()
    const client = await SocketClient.open(simulator)
    const previous = { previous_response_id: responseIdOf(await client.ask()), input: [USER] }
    simulator.play('overloaded')
    expect((await client.ask(previous)).at(-1)).toMatchObject({ status: 503 })
    expect((await client.ask(previous)).at(-1)).toMatchObject({ error: { code: 'previous_response_not_found' } })
  })

  test('calls and results pair across the whole context', async () => {
    const simulator = await useSimulator()
    const call = { tool_call: { name: 'get_weather', arguments: {}, call_id: 'call_w' } }
    simulator.play({ stream: [{ created: true }, call, { completed: true }] })
    const client = await SocketClient.open(simulator)
    const id = responseIdOf(await client.ask({ tools: TOOLS }))
    expect((await client.ask({ previous_response_id: id, input: [USER] })).at(-1)).toMatchObject({
      error: { message: 'No tool output found for function call call_w.' },
    })
    const foreign = { type: 'function_call_output', call_id: 'call_z', output: '' }
    expect((await client.ask({ input: [USER, foreign] })).at(-1)).toMatchObject({
      error: { message: 'No tool call found for function call output with call_id call_z.' },
    })
  })

  test('a warm-up gives an id to continue and is no request', async () => {
    const simulator = await useSimulator()
    const client = await SocketClient.open(simulator)
    const warm = await client.ask({ ...LITE, generate: false, input: [] })
    expect(typesOf(warm)).toEqual([
      'codex.rate_limits',
      'codex.response.metadata',
      'response.created',
      'response.in_progress',
      'response.completed',
    ])
    expect(warm.at(-1)).toMatchObject({ response: { output: [] } })
    const tools = { type: 'additional_tools', role: 'developer', tools: TOOLS }
    const turn = { ...LITE, previous_response_id: responseIdOf(warm), input: [tools, USER] }
    expect((await client.ask(turn)).at(-1)).toMatchObject({ type: 'response.completed' })
    const request = simulator.onlyRequest()
    expect([request.context, request.previousResponseId]).toEqual([[tools, USER], responseIdOf(warm)])
    expect(simulator.warmUps).toMatchObject([{ context: [], responseId: responseIdOf(warm), status: 200 }])
  })

  test('a warm-up fails where a scenario is meant for it', async () => {
    const simulator = await useSimulator()
    simulator.play('warm-up-fails')
    const client = await SocketClient.open(simulator)
    expect((await client.ask()).at(-1)).toMatchObject({ type: 'response.completed' })
    expect((await client.ask({ generate: false })).at(-1)).toMatchObject({ type: 'error', status: 500 })
  })
})

describe('faults', () => {
  test.each([
    ['cut-before-output', 1006, 'response.in_progress'],
    ['cut-mid-text', 1006, 'response.output_text.delta'],
    ['cut-at-once', 1006, undefined],
    ['closes-before-output', 1000, 'response.in_progress'],
    ['closes-mid-text', 1000, 'response.output_text.delta'],
    ['websocket-connection-limit', 1000, 'error'],
  ])('%s', async (name, code, last) => {
    const simulator = await useSimulator()
    simulator.play(name)
    const client = await SocketClient.open(simulator)
    expect((await client.ask()).at(-1)?.type).toBe(last)
    expect(await client.closed).toBe(code)
    await expect.poll(() => simulator.connections[0]?.closedAtMs).toBeGreaterThan(0)
    expect(simulator.onlyRequest().closedAtMs).toBeUndefined()
  })

  test('the answer stops behind any number of events', async () => {
    const simulator = await useSimulator()
    simulator.play({ after_events: 3, end: 'cut' }, { after_events: 3, end: 'cut' })
    const events = await (await SocketClient.open(simulator)).ask()
    expect(typesOf(events).slice(2)).toEqual(['response.created', 'response.in_progress', 'response.output_item.added'])
    const response = await post(simulator)
    await expect(response.text()).rejects.toThrow()
    expect(simulator.requests.map(({ finished }) => finished)).toEqual([false, false])
  })

  test('errors come with a status, another name for it, or none', async () => {
    const simulator = await useSimulator()
    simulator.play(
      'usage-limit',
      'error-status-code',
      'error-event-nested',
      'previous-response-not-found',
      'bad-gateway',
    )
    const client = await SocketClient.open(simulator)
    const next = async () => (await client.ask()).at(-1)
    expect(await next()).toMatchObject({
      type: 'error',
      status: 429,
      error: { type: 'usage_limit_reached' },
      headers: { 'x-codex-primary-used-percent': '100' },
    })
    expect(await next()).toMatchObject({ type: 'error', status_code: 429, error: { type: 'usage_limit_reached' } })
    expect(Object.keys((await next()) ?? {})).not.toContain('status')
    expect(await next()).toMatchObject({ status: 400, error: { code: 'previous_response_not_found' } })
    expect(await next()).toMatchObject({ status: 502, error: { message: expect.stringContaining('<html>') } })
  })

  test('a stall leaves the connection open and busy, and the leaving is recorded', async () => {
    const simulator = await useSimulator()
    simulator.play('stalls-after-created')
    const client = await SocketClient.open(simulator)
    client.send(toMessage())
    await expect.poll(() => typesOf(client.received)).toContain('response.in_progress')
    client.send(toMessage())
    await expect.poll(() => client.received.at(-1)).toMatchObject({ error: { code: 'response_in_progress' } })
    client.socket.terminate()
    await expect.poll(() => simulator.requests[0]?.closedAtMs).toBeGreaterThan(0)
  })

  test('a used connection may break with the next message, or while idle', async () => {
    const simulator = await useSimulator()
    simulator.play({ stream: [{ say: 'a' }], end: 'reset_next' }, { stream: [{ say: 'b' }], end: 'idle_after' })
    const first = await SocketClient.open(simulator)
    await first.ask()
    expect(await first.ask()).toEqual([])
    const second = await SocketClient.open(simulator)
    expect((await second.ask()).at(-1)).toMatchObject({ type: 'response.completed' })
    expect(await second.closed).toBe(1006)
  })

  test('one byte a frame carries the same events; a marker and the pace work as over HTTP', async () => {
    const simulator = await useSimulator({ paceMs: 1 })
    simulator.play({ stream: [{ say: 'é “☀”' }], chunking: 'byte' })
    const client = await SocketClient.open(simulator)
    expect((await client.ask()).map(({ delta }) => delta).filter(Boolean)).toEqual(['é', ' “☀”'])
    const marked = await client.ask({ input: [user('[[scenario:failed-overloaded]] x')] })
    expect(marked.at(-1)).toMatchObject({ response: { error: { code: 'server_is_overloaded' } } })
    expect((await client.ask({ input: [user('[[scenario:upgrade-hang]] x')] })).at(-1)).toMatchObject({
      error: { message: expect.stringContaining('answers no request') },
    })
  })

  test('the control endpoint shows connections, warm-ups and contexts; pings are counted', async () => {
    const simulator = await useSimulator()
    const client = await SocketClient.open(simulator)
    const id = responseIdOf(await client.ask({ generate: false }))
    await client.ask({ previous_response_id: id, input: [user('more')] })
    client.socket.ping()
    await expect.poll(() => simulator.connections[0]?.pings).toBe(1)
    expect(await (await fetch(`${simulator.url}/_simulator/requests`)).json()).toMatchObject({
      requests: [{ transport: 'websocket', context: [USER, user('more')], previousResponseId: id }],
      warm_ups: [{ responseId: id }],
      connections: [{ number: 1, pings: 1 }],
    })
  })
})
