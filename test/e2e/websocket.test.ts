import { describe, expect, test } from 'vitest'
import type { ScenarioInput } from '../../src/simulator/scenario.ts'
import { brief, chatTurn, user } from '../support/conversation.ts'
import { type StartOptions, startGateway } from '../support/gateway.ts'

const TOOL = { type: 'function', function: { name: 'read', parameters: { type: 'object', properties: {} } } } as const
const CALL = { tool_call: { name: 'read', arguments: '{"path": "a"}', call_id: 'call_1' } }
const startOnSocket = (options: StartOptions = {}) =>
  startGateway({ ...options, simulator: { webSocket: 'accept', ...options.simulator } })

/** Everything that stays the same from one run to the next. */
function settled(text: string): string {
  return text
    .replace(/chatcmpl-\w+/g, 'chatcmpl-x')
    .replace(/"created(_at)?":\d+/g, '"created":0')
    .replace(/(resp|msg|rs|fc)_[0-9a-f]{10,}/g, '$1_x')
    .replace(/"encrypted_content":"[^"]*"/g, '"encrypted_content":"x"')
    .replace(/"obfuscation":"[^"]*"/g, '"obfuscation":"x"')
}

describe('W-01: the client sees the same over WebSocket as over HTTP', () => {
  const text: ScenarioInput = { stream: [{ say: 'Hello over there.' }] }
  const calls: ScenarioInput = {
    stream: [
      { created: true },
      { reasoning: { summary: ['Think'] } },
      {
        parallel: [
          { ...CALL.tool_call, deltas: 4 },
          { name: 'read', arguments: '{}', call_id: 'call_2' },
        ],
        interleave: true,
      },
      { completed: true },
    ],
  }
  const rows: readonly [string, ScenarioInput][] = [
    ['T-11, T-12, R-04, R-05: text', text],
    ['T-13, T-14: parallel calls, byte by byte', { ...calls, chunking: 'byte' }],
    [
      'R-12: a final event without output',
      { stream: [{ created: true }, { text: 'Hi' }, { completed: { output: 'empty' } }] },
    ],
  ]
  test.each(rows)('%s', async (_name, scenario) => {
    const results: string[][] = []
    for (const webSocket of ['accept', 426] as const) {
      const { post, simulator } = await startGateway({ simulator: { webSocket } })
      const chat = {
        model: 'gpt-5.5',
        messages: [user('Hello')],
        tools: [TOOL],
        stream_options: { include_usage: true },
      }
      const responses = {
        model: 'gpt-5.5',
        input: 'Hello',
        tools: [{ type: 'function', ...TOOL.function, strict: false }],
      }
      const answers: string[] = []
      for (const stream of [true, false]) {
        for (const [path, body] of [
          ['/v1/chat/completions', chat],
          ['/v1/responses', responses],
        ] as const) {
          simulator.play(scenario)
          const answer = await post(path, { ...body, stream })
          answers.push(settled(await answer.text()), String(answer.headers.get('content-type')))
        }
      }
      const transport = webSocket === 'accept' ? 'websocket' : 'http'
      expect(simulator.requests.map((request) => request.transport)).toEqual(Array(4).fill(transport))
      results.push(answers)
    }
    expect(results[0]).toEqual(results[1])
  })
})

test('W-06: a chat with tools sends only what is new, after one warm-up', async () => {
  const { client, simulator, logs } = await startOnSocket()
  const messages = [user('Begin.')]
  simulator.play({
    stream: [
      { created: true },
      { reasoning: { summary: ['a'], encrypted_content: 'seal' } },
      CALL,
      { completed: true },
    ],
  })
  await chatTurn(client, messages, { tools: [TOOL] })
  messages.push({ role: 'tool', tool_call_id: 'call_1', content: 'file a' })
  await chatTurn(client, messages, { tools: [TOOL] })
  messages.push(user('And now?'))
  await chatTurn(client, messages, { tools: [TOOL] })
  expect(simulator.warmUps.map(({ body }) => [body.generate, body.input])).toEqual([[false, []]])
  expect(simulator.requests.map(brief)).toEqual([
    { transport: 'websocket', connection: 1, continues: true, sent: 1, of: 1 },
    { transport: 'websocket', connection: 1, continues: true, sent: 1, of: 4 },
    { transport: 'websocket', connection: 1, continues: true, sent: 1, of: 7 },
  ])
  const lines = logs.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request')
  expect(lines.map(({ transport, items_skipped }) => [transport, items_skipped])).toEqual([
    ['websocket', undefined],
    ['websocket', 3],
    ['websocket', 6],
  ])
  expect(lines[0].upgrade_ms).toBeTypeOf('number')
})

test('W-06: a Responses client that sends its history again, or names the last answer, goes on as well', async () => {
  const { client, simulator } = await startOnSocket()
  const first = await client.responses.create({ model: 'gpt-5.6-sol', input: 'One.' })
  const history = [{ role: 'user' as const, content: 'One.' }, ...first.output]
  const second = await client.responses.create({
    model: 'gpt-5.6-sol',
    input: [...(history as []), user('Two.') as never],
  })
  await client.responses.create({ model: 'gpt-5.6-sol', input: 'Three.', previous_response_id: second.id })
  // A lite body begins with its base text; there are no tools here.
  expect(simulator.requests.map(brief)).toMatchObject([
    { connection: 1, sent: 2, of: 2 },
    { connection: 1, continues: true, sent: 1, of: 5 },
    { connection: 1, continues: true, sent: 1, of: 8 },
  ])
  const [upgrade] = simulator.connections
  expect(upgrade?.headers).toMatchObject({ 'openai-beta': 'responses_websockets=2026-02-06', version: '0.169.0' })
})

describe('a conversation that did not simply go on is sent whole', () => {
  async function begun() {
    const running = await startOnSocket()
    const messages = [user('One.')]
    await chatTurn(running.client, messages)
    messages.push(user('Two.'))
    await chatTurn(running.client, messages)
    return { ...running, messages }
  }

  test('an edit, a fork, and an old turn once more', async () => {
    const { client, simulator, messages } = await begun()
    const edited = [user('One.'), { role: 'assistant' as const, content: 'Something else.' }, user('Two.')]
    const forked = [...messages.slice(0, 2), user('Other.')]
    for (const history of [edited, forked, messages.slice(0, 3)]) {
      await chatTurn(client, [...history])
      const last = simulator.requests.at(-1)
      expect([last?.previousResponseId, last?.context]).toEqual([undefined, last?.body.input])
    }
    expect(new Set(simulator.requests.map(({ connection }) => connection))).toEqual(new Set([1]))
  })

  test.each([
    ['tools', { tools: [TOOL] }],
    ['effort', { reasoning_effort: 'high' }],
    ['the model', { model: 'gpt-plain' }],
  ])('another choice of %s', async (_name, fields) => {
    const { client, simulator, messages } = await begun()
    await chatTurn(client, [...messages, user('Three.')], fields)
    const last = simulator.requests.at(-1)
    // The base text and the question stand in the same conversation again.
    expect(last?.context.filter(({ type }) => type !== 'reasoning')).toHaveLength(5)
    expect(last?.body.input).toEqual(last?.context)
  })

  test('two turns of it at once: each on a connection of its own, both right', async () => {
    const { client, simulator, messages } = await begun()
    simulator.play({ stream: [{ say: 'left' }], delay_ms: 100 }, { stream: [{ say: 'right' }], delay_ms: 100 })
    const answers = await Promise.all(
      ['Left?', 'Right?'].map((question) => chatTurn(client, [...messages, user(question)])),
    )
    expect(answers.toSorted()).toEqual(['left', 'right'])
    const [left, right] = simulator.requests.slice(-2)
    expect(left?.connection).not.toBe(right?.connection)
    const texts = [left, right].map((request) => JSON.stringify(request?.context.at(-1)))
    expect(texts.toSorted()).toEqual([expect.stringContaining('Left?'), expect.stringContaining('Right?')])
  })
})

test('a conversation is one client key’s and one agent’s, whatever name it is given', async () => {
  const yaml = 'server: { api_keys: [key-one, key-two] }'
  const { post, simulator } = await startOnSocket({ yaml })
  const turn = async (key: string, agent: string, messages: object[]) => {
    const headers = { authorization: `Bearer ${key}`, 'x-session-id': 'same', 'user-agent': agent }
    const answer = await post('/v1/chat/completions', { model: 'gpt-5.5', messages }, headers)
    const { choices } = (await answer.json()) as { choices: { message: { content: string } }[] }
    return { role: 'assistant', content: choices[0]?.message.content }
  }
  const answer = await turn('key-one', 'opencode/1', [user('One.')])
  const history = [user('One.'), answer, user('Two.')]
  await turn('key-two', 'opencode/1', history)
  await turn('key-one', 'cline/1', history)
  await turn('key-one', 'opencode/1', history)
  expect(simulator.requests.map(({ connection }) => connection)).toEqual([1, 2, 3, 1])
  expect(simulator.requests.map(({ body, context }) => context.length - (body.input as []).length)).toEqual([
    0, 0, 0, 3,
  ])
})

test('compression is used where the backend takes it up', async () => {
  const { client, simulator } = await startOnSocket({ simulator: { deflate: true } })
  await chatTurn(client, [user('a'.repeat(50_000))])
  expect(simulator.connections[0]?.isCompressed).toBe(true)
  expect(simulator.onlyRequest().bytesReceived).toBeLessThan(5000)
})

test('S-09: a client that leaves closes the connection, so that the backend stops', async () => {
  const { post, simulator } = await startOnSocket()
  simulator.play({ stream: [{ created: true }, { text: 'Begun' }], end: 'stall' })
  const leaving = new AbortController()
  const body = { model: 'gpt-5.5', messages: [user('Hello')], stream: true }
  const answer = await post('/v1/chat/completions', body, {}, leaving.signal)
  await answer.body?.getReader().read()
  const leftAtMs = Date.now()
  leaving.abort()
  await expect.poll(() => simulator.connections[0]?.closedAtMs).toBeTypeOf('number')
  expect(Number(simulator.connections[0]?.closedAtMs) - leftAtMs).toBeLessThan(1000)
})

test('S-10: a slow client slows the backend down', async () => {
  const { post, simulator } = await startOnSocket()
  const part = { text: 'x'.repeat(2_000_000), deltas: 500 }
  simulator.play({ stream: [{ created: true }, ...Array(10).fill(part), { completed: { output: 'empty' } }] })
  const body = { model: 'gpt-5.5', input: 'Hello', stream: true }
  const answer = await post('/v1/responses', body)
  await new Promise((resolve) => setTimeout(resolve, 500))
  const offered = simulator.onlyRequest().bytesOffered
  await new Promise((resolve) => setTimeout(resolve, 500))
  // What fills the sockets' buffers goes through; then the backend waits for the client.
  expect(simulator.onlyRequest().bytesOffered).toBe(offered)
  expect((await answer.text()).length).toBeGreaterThan(3 * offered)
})
