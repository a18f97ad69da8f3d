import { beforeAll, expect, test } from 'vitest'
import { BUILTIN_SCENARIO_NAMES } from '../../src/simulator/builtin-scenarios.ts'
import { turnOf } from '../../src/simulator/default-answer.ts'
import { item } from '../../src/simulator/events.ts'
import { CHAT, chatBody, RESPONSES } from '../support/ask.ts'
import { type Running, type StartOptions, startGateway } from '../support/gateway.ts'
import { TEST_IDENTITY, trustTestCertificate } from '../support/loopback-http2.ts'

beforeAll(trustTestCertificate)

const yaml = 'backends: {openai_codex: {timeout: 1, extra: {codex: {transport: sse}}}}'

function startOver(http2: boolean, options: StartOptions = {}): Promise<Running> {
  return startGateway({ yaml, ...options, simulator: { tls: TEST_IDENTITY, http2, ...options.simulator } })
}

/** What the client was told, but for what is new in every answer. */
async function answerOf(gateway: Running, stream: boolean): Promise<string> {
  const response = await gateway.post(RESPONSES, { model: 'openai-codex:gpt-5.5', input: 'Hello', stream })
  const text = await response.text()
  const told = text
    .replaceAll(gateway.simulator.url.replace('https://', ''), 'HOST')
    .replace(/\b(?:resp|req|msg|rs|fc|call|ws)_\w+/g, 'ID')
    .replace(/"created_at":\d+/g, '"created_at":0')
    .replace(/"resets_at":\d+/g, '"resets_at":0')
    .replace(/\d{4}-\d\d-\d\dT[\d:]+Z/g, 'THEN')
  return `${response.status} ${response.headers.get('content-type')} ${told}`
}

/**
 * Those that say something about HTTP; a long silence is one of `stalls…`. A failure right behind the preamble is left
 * out: whether it comes within the grace of connector.md §9.4, and so before the head, is a race.
 */
const SCENARIOS = BUILTIN_SCENARIO_NAMES.filter(
  (name) =>
    !/^(?:upgrade|warm-up|websocket|closes|long-silence|previous-response|cut-before-output|error-event)/.test(name),
)

test.each([true, false])('every answer and failure is the same over HTTP/2, stream: %s', async (stream) => {
  const [http1, http2] = await Promise.all([startOver(false), startOver(true)])
  const told: Record<'http1' | 'http2', Record<string, string>> = { http1: {}, http2: {} }
  const run = async (name: keyof typeof told, gateway: Running) => {
    for (const scenario of SCENARIOS) {
      gateway.simulator.resetState()
      gateway.simulator.play({ name: scenario, repeat: 'always' })
      const answer = await answerOf(gateway, stream)
      told[name][scenario] = `${gateway.simulator.requests.length} asked: ${answer}`
    }
  }
  await Promise.all([run('http1', http1), run('http2', http2)])
  expect(told.http2).toEqual(told.http1)
  const protocols = [http1, http2].map(({ simulator }) => simulator.onlyRequest().headers[':method'])
  expect(protocols).toEqual([undefined, 'POST'])
})

test('over HTTP/2 the request has the headers of 1.1 and no others', async () => {
  const names = async (http2: boolean) => {
    const gateway = await startOver(http2)
    await gateway.post(CHAT, chatBody())
    return Object.keys(gateway.simulator.onlyRequest().headers)
  }
  const [http1, http2] = await Promise.all([names(false), names(true)])
  const own = (list: string[]) => list.filter((name) => !/^(?::.*|host|connection)$/.test(name))
  expect(own(http2)).toEqual(own(http1))
  expect(http2.filter((name) => /^(?:host|connection)$/.test(name))).toEqual([])
})

test('S-18: 200 conversations at once over HTTP/2 are not mixed up, and share their connections', async () => {
  const gateway = await startOver(true, { yaml: yaml.replace('timeout: 1', 'timeout: 20') })
  gateway.simulator.on(
    () => true,
    ({ body }) => ({ stream: turnOf([item.message(`to ${JSON.stringify(body.input).match(/number \d+/)?.[0]}`)]) }),
  )
  const ask = async (index: number) => {
    const response = await gateway.post(CHAT, chatBody({ messages: [{ role: 'user', content: `number ${index}.` }] }))
    return ((await response.json()) as { choices: { message: { content: string } }[] }).choices[0]?.message.content
  }
  const indexes = Array.from({ length: 200 }, (_, index) => index)
  expect(await Promise.all(indexes.map(ask))).toEqual(indexes.map((index) => `to number ${index}`))
  const connections = new Set(gateway.simulator.requests.map(({ connection }) => connection))
  expect(connections.size).toBeLessThanOrEqual(4)
})

test('S-09: a client that leaves ends its own answer over HTTP/2 and nobody else’s', async () => {
  const gateway = await startOver(true, { yaml: yaml.replace('timeout: 1', 'timeout: 20') })
  gateway.simulator.play('slow-text', 'never-answers')
  const other = gateway.post(CHAT, chatBody({ stream: true })).then((response) => response.text())
  await expect.poll(() => gateway.simulator.requests.length).toBe(1)
  const leaving = new AbortController()
  const left = gateway.post(CHAT, chatBody({ stream: true }), {}, leaving.signal).catch(() => 'left')
  await expect.poll(() => gateway.simulator.requests.length).toBe(2)
  const leftAtMs = Date.now()
  leaving.abort()
  expect(await left).toBe('left')
  await expect.poll(() => gateway.simulator.requests[1]?.closedAtMs).toBeDefined()
  expect((gateway.simulator.requests[1]?.closedAtMs ?? 0) - leftAtMs).toBeLessThan(1000)
  expect(await other).toContain('data: [DONE]')
  expect(gateway.simulator.requests.map(({ connection }) => connection)).toEqual([1, 1])
})
