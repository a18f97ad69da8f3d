import type { ServerResponse } from 'node:http'
import type { ChatCompletionChunk } from 'openai/resources/chat/completions'
import { beforeAll, expect, test } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { ev, item, SAMPLE_USAGE } from '../../src/simulator/events.ts'
import type { ScenarioInput } from '../../src/simulator/scenario.ts'
import { atBothDoors, CHAT, type DoorRequest, RESPONSES, readError } from '../support/doors.ts'
import { openGateway, type Running, startGateway } from '../support/gateway.ts'
import { listen, listenRaw } from '../support/loopback.ts'

const [chatStream, responsesStream, chatWhole, responsesWhole] = atBothDoors() as [
  DoorRequest,
  DoorRequest,
  DoorRequest,
  DoorRequest,
]
const begun = [ev.created(), ev.added(item.message('', { content: [], status: 'in_progress' })), ev.text('Hel')]
const rest = [
  ev.text('lo'),
  ev.done(item.message('Hello')),
  ev.completed('resp_1', { output: [item.message('Hello')] }),
]

/** Every prompt has its own scenario, so that several requests may run at once. */
function playFor(gateway: Running, prompt: string, scenario: ScenarioInput | string): void {
  gateway.simulator.on(
    ({ bodyBytes }) => bodyBytes.includes(prompt),
    () => scenario,
  )
}

/** The text a client would show, and how the answer ended. */
async function textOf(door: DoorRequest, response: Response): Promise<{ status: number; text: string; end: string }> {
  const { status } = response
  const body = await response.text()
  if (!(response.headers.get('content-type') ?? '').startsWith('text/event-stream')) {
    const { choices, output, error, status: end } = JSON.parse(body)
    if (error) return { status, text: '', end: error.code }
    return choices === undefined
      ? { status, text: output[0].content[0].text, end }
      : { status, text: choices[0].message.content, end: choices[0].finish_reason }
  }
  const events = [...body.matchAll(/^data: (\{.*)$/gm)].map(([, json]) => JSON.parse(json ?? ''))
  const last = events.at(-1)
  return door.path === CHAT
    ? {
        status,
        text: events.map(({ choices }) => choices?.[0]?.delta.content ?? '').join(''),
        end: body.endsWith('data: [DONE]\n\n') ? 'done' : (last.error?.code ?? 'nothing'),
      }
    : {
        status,
        text: events.map(({ type, delta }) => (type === 'response.output_text.delta' ? delta : '')).join(''),
        end: last.type === 'response.failed' ? last.response.error.code : last.type,
      }
}

/** Takes as long as the backend's waits say, so it goes on behind the other tests. */
async function refuseEarlyAndLate(): Promise<void> {
  const gateway = await openGateway()
  const { post, simulator } = gateway
  const refusal = { status: 429, body: { error: { code: 'rate_limit_exceeded', message: 'Slow down' } } }
  playFor(gateway, 'after three', { ...refusal, delay_ms: 3000 })
  playFor(gateway, 'after seven', { ...refusal, delay_ms: 7000 })
  const early = atBothDoors('after three').map(async ({ name, path, body }) => {
    const response = await post(path, body)
    expect([name, response.status, (await readError(response)).code]).toEqual([name, 429, 'rate_limit_exceeded'])
  })
  const late = atBothDoors('after seven').map(async (door) => {
    const startedAtMs = Date.now()
    const response = await post(door.path, door.body)
    const isStream = door.body.stream === true
    if (isStream) {
      expect(Date.now() - startedAtMs).toBeGreaterThan(4500)
      const answered = simulator.requests.filter(({ bodyBytes, status }) => bodyBytes.includes('seven') && status)
      expect([door.name, answered.length]).toEqual([door.name, 0])
    }
    const { status, end } = await textOf(door, response)
    expect([door.name, status, end]).toEqual([door.name, isStream ? 200 : 429, 'rate_limit_exceeded'])
  })
  try {
    await Promise.all([...early, ...late])
  } finally {
    await gateway.close()
  }
}

let refused: Promise<void>
beforeAll(() => {
  refused = refuseEarlyAndLate()
  // Its failure is the last test's.
  refused.catch(() => {})
})

test('S-05: a late failure on /v1/responses is the backend’s own event, the last thing sent', async () => {
  const { post, simulator } = await startGateway()
  const failed = ev.failed({ code: 'server_error', message: 'It broke' })
  simulator.play({ stream: [...begun, { pauseMs: 100 }, failed] }, { stream: [...begun, { pauseMs: 100 }, failed] })
  const text = await (await post(RESPONSES, responsesStream.body)).text()
  expect(text.endsWith(`event: response.failed\ndata: ${JSON.stringify(failed)}\n\n`)).toBe(true)
  const whole = await post(CHAT, chatWhole.body)
  expect([whole.status, await readError(whole)]).toEqual([502, expect.objectContaining({ message: 'It broke' })])
})

for (const [id, end] of [
  ['S-06', 'cut'],
  ['S-07', 'close'],
] as const) {
  test(`${id}: a stream that ends without a terminal event (${end}) is a failure at every door`, async () => {
    const { post, simulator } = await startGateway()
    for (const door of atBothDoors()) {
      simulator.play({ stream: [...begun, { pauseMs: 100 }], end })
      const answer = await textOf(door, await post(door.path, door.body))
      const isStream = door.body.stream === true
      expect([door.name, answer]).toEqual([
        door.name,
        { status: isStream ? 200 : 502, text: isStream ? 'Hel' : '', end: 'upstream_stream_ended' },
      ])
    }
    expect(simulator.requests).toHaveLength(4)
  })
}

test('S-08: a silence holds comments between whole events; the Codex CLI gets an event instead', async () => {
  const { post, simulator } = await startGateway({ keepaliveMs: 60 })
  simulator.on(
    () => true,
    () => ({ stream: [...begun, { pauseMs: 500 }, ...rest] }),
  )
  const rows = [
    [chatStream, {}, ': keepalive\n\n'],
    [responsesStream, {}, ': keepalive\n\n'],
    [responsesStream, { originator: 'codex_cli_rs' }, 'data: {"type":"keepalive"}\n\n'],
  ] as const
  const checks = rows.map(async ([door, headers, sign]) => {
    const text = await (await post(door.path, door.body, headers)).text()
    const frames = text.split('\n\n').slice(0, -1)
    expect(frames.filter((frame) => `${frame}\n\n` === sign).length).toBeGreaterThanOrEqual(2)
    for (const frame of frames) expect(frame).toMatch(/^(?:: keepalive|(?:event: [\w.]+\n)?data: (?:\{.*\}|\[DONE\]))$/)
    expect(text).toMatch(door === chatStream ? /\[DONE\]\n\n$/ : /response\.completed/)
  })
  await Promise.all(checks)
})

test('S-09: the backend sees the client leave while it streams, while it is silent, and without a stream', async () => {
  const gateway = await startGateway()
  playFor(gateway, 'while text comes', { pace_ms: 20, stream: Array.from({ length: 2000 }, () => ev.text('x')) })
  playFor(gateway, 'while silent', { stream: [], end: 'stall' })
  playFor(gateway, 'before the head', { end: 'stall' })
  const prompts = ['while text comes', 'while silent', 'before the head']
  const doors = prompts.flatMap((prompt) => atBothDoors(prompt))
  const aborts = doors.map(async ({ path, body }) => {
    const controller = new AbortController()
    const answer = gateway.post(path, body, {}, controller.signal).then((response) => response.text())
    return { controller, answer: answer.catch(() => 'left') }
  })
  await expect.poll(() => gateway.simulator.requests.length, { timeout: 5000 }).toBe(doors.length)
  // Time for the first bytes to be on their way, well before any of these answers could end.
  await new Promise((resolve) => setTimeout(resolve, 200))
  for (const { controller } of await Promise.all(aborts)) controller.abort()
  const leftAtMs = Date.now()
  const open = () => gateway.simulator.requests.filter(({ closedAtMs }) => closedAtMs === undefined).length
  await expect.poll(open, { timeout: 5000, interval: 20 }).toBe(0)
  for (const { closedAtMs } of gateway.simulator.requests) expect((closedAtMs ?? 0) - leftAtMs).toBeLessThan(1000)
  expect(await Promise.all((await Promise.all(aborts)).map(({ answer }) => answer))).toEqual(doors.map(() => 'left'))
  await expect.poll(() => gateway.logs.filter((line) => line.includes('"status":499')).length).toBe(doors.length)
})

test('S-11: an event of 10 MB, and one in a thousand writes, arrive whole at both doors', async () => {
  const { post, simulator } = await startGateway()
  const big = 'é'.repeat(5 * 1024 * 1024)
  const text = 'Köln “☀” 中文 '.repeat(150)
  for (const door of atBothDoors()) {
    simulator.play({ stream: [ev.created(), ev.text(big), ev.done(item.message(big)), ev.completed()] })
    const answer = await textOf(door, await post(door.path, door.body))
    expect([door.name, answer.text === big, answer.end]).toEqual([
      door.name,
      true,
      expect.not.stringMatching(/error|up/),
    ])
    simulator.play({ chunking: 3, stream: [{ created: true }, { text, deltas: 1 }, { completed: true }] })
    expect([door.name, (await textOf(door, await post(door.path, door.body))).text]).toEqual([door.name, text])
  }
})

const odd: Readonly<Record<string, ScenarioInput>> = {
  'S-12: response.done in place of response.completed': {
    stream: [...begun, ev.text('lo'), ev.done(item.message('Hello')), ev.responseDone()],
  },
  'S-13: no response.created': { stream: [...begun.slice(1), ...rest] },
  'S-13: no output_item.added': { stream: [ev.created(), ev.text('Hel'), ...rest] },
  'S-13: unknown events and comments': {
    stream: [
      ': hello\n\n',
      ev.rateLimits({ plan_type: 'plus' }),
      ev.created(),
      { type: 'response.something_new', data: 1 },
      { comment: 'keepalive' },
      ...begun.slice(1),
      { type: 'codex.unheard_of', text: 'x' },
      'id: 7\nretry: 5\n\n',
      ...rest,
    ],
  },
  'S-13: no event: lines': { event_lines: false, stream: [...begun, ...rest] },
  'S-13: CRLF': { newline: 'crlf', stream: [...begun, ...rest] },
  'S-13: CR': { newline: 'cr', stream: [...begun, ...rest] },
  'S-13: a byte at a time': { chunking: 'byte', stream: [...begun, ...rest] },
  'S-13: all in one write': { chunking: 'whole', stream: [...begun, ...rest] },
  'S-13: no deltas at all': { stream: [ev.created(), ev.done(item.message('Hello')), ev.completed()] },
}

for (const [name, scenario] of Object.entries(odd)) {
  test(`${name}: the same answer at both doors`, async () => {
    const { post, simulator } = await startGateway()
    for (const door of atBothDoors()) {
      simulator.play(scenario)
      const response = await post(door.path, door.body)
      const end =
        door.path === CHAT ? (door.body.stream === true ? 'done' : 'stop') : expect.stringMatching(/completed$/)
      const { status, text, end: seen } = await textOf(door, response)
      const isBare = name.endsWith('no deltas at all') && door === responsesStream
      expect([door.name, status, text, seen]).toEqual([door.name, 200, isBare ? expect.any(String) : 'Hello', end])
    }
  })
}

test('S-14, S-15: usage has all its parts; in a stream it comes last, alone, and only if asked for', async () => {
  const { post, client, simulator } = await startGateway()
  const usage = {
    ...SAMPLE_USAGE,
    input_tokens_details: { cached_tokens: 40, cache_write_tokens: 11 },
    output_tokens_details: { reasoning_tokens: 0 },
  }
  const call = {
    stream: [{ created: true as const }, { tool_call: { name: 'f', arguments: '{"a":1}' } }, { completed: { usage } }],
  }
  simulator.play(call, call, call)
  const seen = {
    prompt_tokens: 100,
    completion_tokens: 20,
    total_tokens: 120,
    prompt_tokens_details: { cached_tokens: 40, cache_write_tokens: 11 },
    completion_tokens_details: { reasoning_tokens: 0 },
  }
  const messages = [{ role: 'user' as const, content: 'Hello' }]
  const whole = await client.chat.completions.create({ model: 'gpt-5.5', messages })
  expect([whole.usage, whole.choices[0]?.finish_reason]).toEqual([seen, 'tool_calls'])

  const stream = await client.chat.completions.create({
    model: 'gpt-5.5',
    messages,
    stream: true,
    stream_options: { include_usage: true },
  })
  const chunks: ChatCompletionChunk[] = []
  for await (const chunk of stream) chunks.push(chunk)
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage: seen })
  expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('tool_calls')
  expect(new Set(chunks.slice(0, -1).map((chunk) => chunk.usage))).toEqual(new Set([null]))
  expect(await (await post(CHAT, chatStream.body)).text()).not.toContain('usage')
})

test('S-17: a connection the backend closed in the meantime costs the next chat nothing', async () => {
  const { post, simulator } = await startGateway()
  for (const end of ['idle_after', 'reset_next'] as const) {
    simulator.resetState()
    simulator.play({ stream: [{ say: 'one' }], end })
    expect((await textOf(chatWhole, await post(CHAT, chatWhole.body))).text).toBe('one')
    if (end === 'idle_after') await new Promise((resolve) => setTimeout(resolve, 150))
    simulator.play({ stream: [{ say: 'two' }] })
    expect([end, (await textOf(responsesWhole, await post(RESPONSES, responsesWhole.body))).text]).toEqual([end, 'two'])
    expect(simulator.requests).toHaveLength(2)
  }
})

/** A scripted backend below the simulator; the gateway's other calls get an empty answer. */
async function gatewayTo(baseUrl: string): Promise<Running> {
  return startGateway({ env: { OPENAI_API_BASE_URL: baseUrl } })
}

test('S-06: a reset in the middle of an event is a failure, and half an event is never shown', async () => {
  const sse = (events: readonly JsonObject[]) => events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')
  await using upstream = await listen(({ url }, response: ServerResponse) => {
    if (!url.endsWith('/responses')) {
      response.writeHead(404).end()
      return
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(`${sse(begun)}data: {"type":"response.output_text.delta","delta":"NEVER`)
    setTimeout(() => response.socket?.resetAndDestroy(), 100)
  })
  const { post } = await gatewayTo(`${upstream.url}/codex`)
  for (const door of atBothDoors()) {
    const response = await post(door.path, door.body)
    const copy = response.clone()
    const answer = await textOf(door, response)
    expect([door.name, answer.end]).toEqual([door.name, 'upstream_stream_ended'])
    expect(await copy.text()).not.toContain('NEVER')
  }
})

test('X-16: a backend that speaks no HTTP, or nothing at all, is an upstream error', async () => {
  await using upstream = await listenRaw((socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'))
  const { post } = await gatewayTo(`${upstream.url}/codex`)
  for (const { name, path, body } of atBothDoors()) {
    const response = await post(path, body)
    expect([name, response.status, (await readError(response)).type]).toEqual([name, 502, 'server_error'])
  }
})

test('S-02, S-03: a refusal is a true status for 5 s, after that an error inside the stream', async () => {
  await refused
})
