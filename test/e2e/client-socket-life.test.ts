import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { ev, item } from '../../src/simulator/events.ts'
import { errorOf, RESPONSES } from '../support/ask.ts'
import { askOver, CLI, openSocket, startWithSocket } from '../support/client-socket.ts'
import { startGateway } from '../support/gateway.ts'
import { refusedAt } from '../support/socket-client.ts'

/** The log lines of finished requests, oldest first. */
function requestLines(logs: readonly string[]): JsonObject[] {
  return logs.map((line): JsonObject => JSON.parse(line)).filter(({ msg }) => msg === 'request')
}

const create = (input: string) => ({ type: 'response.create', model: 'gpt-5.5', input })

describe('an upgrade is held to the same rules as any request', () => {
  const yaml = 'server: { api_keys: [secret-1] }'
  const key = { authorization: 'Bearer secret-1' }

  test.each([
    ['no key', {}, 401, 'invalid_api_key'],
    ['a wrong key', { authorization: 'Bearer secret-2' }, 401, 'invalid_api_key'],
    ['another host', { ...key, host: 'evil.example' }, 403, 'host_not_allowed'],
    ['another origin', { ...key, origin: 'https://evil.example' }, 403, 'origin_not_allowed'],
  ])('%s', async (_name, headers, status, code) => {
    const { url, logs } = await startGateway({ yaml })
    const refused = await refusedAt(url + RESPONSES, headers)
    expect(refused).toMatchObject({
      status,
      body: { error: { code, message: expect.any(String), param: null, type: expect.any(String) } },
      headers: { 'x-codexway-request-id': expect.stringMatching(/^req_/) },
    })
    await expect.poll(() => requestLines(logs)).toMatchObject([{ method: 'GET', path: RESPONSES, status }])
  })

  test('a key is enough, in either header; the answers are of that key', async () => {
    const { url, logs } = await startGateway({ yaml })
    const socket = await openSocket({ url }, { headers: { 'x-api-key': 'secret-1', origin: 'http://localhost:3000' } })
    expect((await askOver(socket, 'Hello')).at(-1)).toMatchObject({ type: 'response.completed' })
    expect(requestLines(logs)).toMatchObject([{ status: 101 }, { status: 200 }])
  })

  test('elsewhere there is nothing to upgrade to, and other upgrades are not heard', async () => {
    const { url, post, simulator } = await startGateway()
    expect(await refusedAt(`${url}/v1/models`)).toMatchObject({ status: 200 })
    expect(await refusedAt(`${url}/v1/nothing`)).toMatchObject({
      status: 404,
      body: { error: { code: 'unknown_url' } },
    })
    const body = JSON.stringify({ model: 'gpt-5.5', input: 'Grüße' })
    const answer = await rawRequest(url, [
      `POST ${RESPONSES} HTTP/1.1`,
      'host: localhost',
      'connection: Upgrade, HTTP2-Settings, close',
      'upgrade: h2c',
      'http2-settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA',
      'content-type: application/json',
      `content-length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ])
    expect(answer).toMatch(/^HTTP\/1\.1 200 /)
    expect(JSON.stringify(simulator.onlyRequest().body)).toContain('Grüße')
    expect((await post(RESPONSES, { model: 'gpt-5.5', input: 'x' })).status).toBe(200)
  })

  test('a handshake that is none is refused in words', async () => {
    const { url } = await startGateway()
    const head = [`GET ${RESPONSES} HTTP/1.1`, 'host: localhost', 'connection: upgrade', 'upgrade: websocket']
    const [status, body = ''] = (await rawRequest(url, [...head, 'sec-websocket-version: 7', '', ''])).split('\r\n\r\n')
    expect(status).toMatch(/^HTTP\/1\.1 400 /)
    expect(JSON.parse(body)).toMatchObject({ error: { message: expect.stringContaining('Sec-WebSocket-Key') } })
  })

  test('without a wish for one, 426 says how', async () => {
    const { url } = await startGateway()
    const response = await fetch(url + RESPONSES)
    expect(response.headers.get('upgrade')).toBe('websocket')
    expect(await errorOf(response)).toMatchObject({ status: 426, code: 'upgrade_required' })
  })
})

function rawRequest(url: string, lines: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    let text = ''
    socket.on('data', (chunk) => (text += chunk.toString()))
    socket.once('close', () => resolve(text))
    socket.once('error', reject)
    socket.setTimeout(10_000, () => socket.destroy())
    socket.write(lines.join('\r\n'))
  })
}

describe('limits', () => {
  test('a message may be compressed, and as large as a body, compressed or not', async () => {
    const { gateway, socket } = await startWithSocket(
      { yaml: 'server: { max_body_bytes: 100000 }' },
      { perMessageDeflate: { threshold: 0 } },
    )
    expect(socket.socket.extensions).toContain('permessage-deflate')
    expect((await askOver(socket, 'x'.repeat(90_000))).at(-1)).toMatchObject({ type: 'response.completed' })
    socket.send(create('x'.repeat(100_000)))
    expect(await socket.closed).toBe(1009)
    const plain = await openSocket(gateway)
    plain.send(create('x'.repeat(100_000)))
    expect(await plain.closed).toBe(1009)
    expect(gateway.simulator.requests).toHaveLength(1)
  })

  test('there are 256 connections at most, and the next one is told', async () => {
    const gateway = await startGateway()
    const sockets = await Promise.all(Array.from({ length: 256 }, () => openSocket(gateway)))
    expect(await refusedAt(gateway.url + RESPONSES)).toMatchObject({
      status: 503,
      body: { error: { code: 'too_many_connections' } },
    })
    sockets[0]?.socket.terminate()
    await expect
      .poll(() =>
        openSocket(gateway).then(
          () => 'open',
          () => 'refused',
        ),
      )
      .toBe('open')
  })

  test('messages are answered in turn; too many at once are refused', async () => {
    const { gateway, socket } = await startWithSocket()
    gateway.simulator.play({ delay_ms: 300, stream: [{ say: 'first' }] })
    for (let index = 0; index < 10; index += 1) socket.send(create(`Number ${index}.`))
    const refused = await socket.answer()
    expect(refused).toMatchObject([{ type: 'error', status: 409, error: { code: 'response_in_progress' } }])
    for (let index = 0; index < 9; index += 1) await socket.answer()
    const prompts = gateway.simulator.requests.map(({ body }) => /Number (\d)/.exec(JSON.stringify(body.input))?.[1])
    expect(prompts).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8'])
    const created = socket.received.filter(({ type }) => type === 'response.created')
    const ended = socket.received.filter(({ type }) => type === 'response.completed')
    expect([created.length, ended.length]).toEqual([9, 9])
    expect(socket.received.findIndex(({ type }) => type === 'response.completed')).toBeLessThan(
      socket.received.indexOf(created[1] ?? {}),
    )
  })
})

test('S-09: the backend sees the client leave, with and without a goodbye, and the log says so', async () => {
  for (const leave of ['terminate', 'close'] as const) {
    const { gateway, socket } = await startWithSocket()
    gateway.simulator.play({ pace_ms: 20, stream: Array.from({ length: 2000 }, () => ev.text('x')) })
    socket.send(create('Hello'))
    await expect.poll(() => socket.received.length).toBeGreaterThan(3)
    const leftAtMs = Date.now()
    socket.socket[leave]()
    await expect.poll(() => gateway.simulator.requests[0]?.closedAtMs).toBeTypeOf('number')
    expect(Number(gateway.simulator.requests[0]?.closedAtMs) - leftAtMs).toBeLessThan(1000)
    await expect.poll(() => requestLines(gateway.logs).at(-1)).toMatchObject({ status: 499, error: 'cancelled' })
  }
})

test('S-10: a client that reads nothing slows the backend down', async () => {
  const { gateway, socket } = await startWithSocket()
  const delta = 'x'.repeat(50_000)
  const flood = Array.from({ length: 1000 }, () => ev.text(delta))
  gateway.simulator.play({ stream: [ev.created(), ...flood, ev.done(item.message('x')), ev.completed()] })
  socket.send(create('Hello'))
  await expect.poll(() => socket.received.length).toBeGreaterThan(0)
  socket.socket.pause()
  const request = () => gateway.simulator.requests[0]
  let last = -1
  // Until nothing moves any more.
  while (last !== request()?.bytesOffered) {
    last = request()?.bytesOffered ?? 0
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  expect([request()?.finished, last < 25_000_000]).toEqual([false, true])
  socket.socket.resume()
  expect((await socket.answer()).at(-1)).toMatchObject({ type: 'response.completed' })
})

describe('silence', () => {
  test('the Codex CLI gets an event, others a ping, before and within an answer', async () => {
    for (const headers of [CLI, {}]) {
      const { gateway, socket } = await startWithSocket({ keepaliveMs: 60 }, { headers })
      let pings = 0
      socket.socket.on('ping', () => (pings += 1))
      const quiet = { pauseMs: 200 }
      gateway.simulator.play({
        delay_ms: 200,
        stream: [ev.created(), ev.text('a'), quiet, ev.text('b'), ev.completed()],
      })
      const events = await askOver(socket, 'Hello')
      const keepalives = events.filter(({ type }) => type === 'keepalive').length
      expect([keepalives > 2, pings > 2]).toEqual(headers === CLI ? [true, false] : [false, true])
      const first = events.findIndex(({ type }) => type === 'response.created')
      expect(events.slice(0, first).some(({ type }) => type === 'keepalive')).toBe(headers === CLI)
    }
  })

  test('an idle client is pinged, and one that does not answer is dropped', async () => {
    const { gateway, socket } = await startWithSocket({ keepaliveMs: 60 })
    const deaf = await openSocket(gateway, { autoPong: false })
    expect(await deaf.closed).toBe(1006)
    expect((await askOver(socket, 'Hello')).at(-1)).toMatchObject({ type: 'response.completed' })
  })
})

describe('S-12: when the gateway is stopped', () => {
  test('idle connections end, a running answer comes to its end, and nothing new begins', async () => {
    const { gateway, socket } = await startWithSocket()
    const idle = await openSocket(gateway)
    gateway.simulator.play({ stream: [ev.created(), ev.text('a'), { pauseMs: 400 }, ev.text('b'), ev.completed()] })
    socket.send(create('Hello'))
    await expect.poll(() => socket.received.length).toBeGreaterThan(1)
    const stopped = gateway.stop()
    expect(await idle.closed).toBe(1001)
    socket.send(create('Another'))
    expect((await socket.answer()).at(-1)).toMatchObject({ type: 'response.completed' })
    expect(await socket.closed).toBe(1001)
    await stopped
    expect(gateway.simulator.requests).toHaveLength(1)
  })

  test('what lasts longer is told why it ends', async () => {
    const { gateway, socket } = await startWithSocket({ yaml: 'server: { drain_seconds: 0.2 }' })
    const waiting = await openSocket(gateway)
    gateway.simulator.play({ stream: [ev.created(), ev.text('a')], end: 'stall' }, { end: 'stall' })
    socket.send(create('Hello'))
    await expect.poll(() => socket.received.length).toBeGreaterThan(1)
    waiting.send(create('Hello'))
    await expect.poll(() => gateway.simulator.requests.length).toBe(2)
    const stopped = gateway.stop()
    expect((await socket.answer()).at(-1)).toMatchObject({
      type: 'response.failed',
      response: { error: { code: 'shutting_down' } },
    })
    expect(await waiting.answer()).toMatchObject([{ type: 'error', status: 503, error: { code: 'shutting_down' } }])
    expect([await socket.closed, await waiting.closed]).toEqual([1001, 1001])
    await stopped
  })
})

test('the log has one line for each message, with the fields of a POST', async () => {
  const { gateway, socket } = await startWithSocket({ simulator: { webSocket: 'accept' } })
  const posted = await gateway.post(RESPONSES, { model: 'gpt-5.5', input: 'Hello', stream: true })
  await posted.text()
  await askOver(socket, 'Hello')
  socket.send({ type: 'response.create', model: 'gpt-5.5' })
  await socket.answer()
  const [opened, post, message, refused] = requestLines(gateway.logs)
  expect(opened).toMatchObject({ method: 'GET', path: RESPONSES, status: 101 })
  const { method: _method, upgrade_ms: _upgradeMs, ...shared } = post ?? {}
  expect(Object.keys(message ?? {})).toEqual(expect.arrayContaining(Object.keys(shared)))
  expect(message).toMatchObject({ method: 'WEBSOCKET', path: RESPONSES, status: 200, slug: 'gpt-5.5' })
  expect(refused).toMatchObject({ method: 'WEBSOCKET', path: RESPONSES, status: 400 })
})
