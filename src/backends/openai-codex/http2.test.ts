import { constants, type Http2Stream, type ServerHttp2Stream } from 'node:http2'
import { setTimeout as delay } from 'node:timers/promises'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { listenHttp2, trustTestCertificate } from '../../../test/support/loopback-http2.ts'
import { listenRelay } from '../../../test/support/relay.ts'
import { GatewayError } from '../../turn/errors.ts'
import { HttpClient, isConnectError } from './http-client.ts'

const never = new AbortController().signal

beforeAll(trustTestCertificate)

function createClient(): HttpClient {
  const client = new HttpClient()
  onTestFinished(() => client.close())
  return client
}

const HEADERS = [
  ['version', '1'],
  ['x-codex-window-id', 'w:0'],
  ['accept', 'text/event-stream'],
  ['content-type', 'application/json'],
  ['authorization', 'Bearer t'],
  ['cookie', 'a=1; b=2'],
] as const

const post = (url: string, timeoutMs = 5000, body: string | Buffer = '{}') =>
  ({ method: 'POST', url, headers: HEADERS, body, timeoutMs }) as const

async function failure(promise: Promise<unknown>): Promise<GatewayError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(GatewayError)
  return error as GatewayError
}

function say(stream: ServerHttp2Stream, text: string, status = 200): void {
  stream.respond({ ':status': status })
  stream.end(text)
}

async function ask(client: HttpClient, url: string): Promise<string> {
  return (await client.request(post(url), never)).body.text()
}

test('over HTTP/2 the headers go out in the given order, with nothing but pseudo-headers and content-length besides', async () => {
  await using server = await listenHttp2((stream) => say(stream, 'ok'))
  const { status, body } = await createClient().request(post(`${server.url}/a?b=c`, 5000, 'é'), never)
  expect([status, await body.text()]).toEqual([200, 'ok'])
  expect(server.streams.map(({ rawHeaders, body }) => [rawHeaders, body.toString()])).toEqual([
    [
      [
        ...[':authority', server.host, ':method', 'POST', ':path', '/a?b=c', ':scheme', 'https'],
        ...HEADERS.flat(),
        ...['content-length', '2'],
      ],
      'é',
    ],
  ])
})

test('answer headers over HTTP/2: repeated ones joined, cookies a list, no pseudo-headers', async () => {
  await using server = await listenHttp2((stream) => {
    stream.respond({ ':status': 429, 'x-one': ['a', 'b'], 'set-cookie': ['a=1', 'b=2'], date: 'd' })
    stream.end()
  })
  const { status, headers, setCookies } = await createClient().request(post(server.url), never)
  expect([status, headers, setCookies]).toEqual([429, { 'x-one': 'a, b', date: 'd' }, ['a=1', 'b=2']])
})

test('A-29: a redirect over HTTP/2 is an answer, not an order', async () => {
  await using other = await listenHttp2((stream) => say(stream, 'no'))
  await using server = await listenHttp2((stream) => {
    stream.respond({ ':status': 307, location: other.url })
    stream.end()
  })
  const { status } = await createClient().request(post(server.url), never)
  expect([status, other.sessions.length]).toEqual([307, 0])
})

test('S-09: an abort ends its own stream within a second, whatever it was doing, and nobody else notices', async () => {
  await using server = await listenHttp2((stream, _seen, index) => {
    if (index === 0) setTimeout(() => say(stream, 'ok'), 400)
    else if (index === 2) stream.respond()
    if (index === 2) stream.write('part')
  })
  const client = createClient()
  const other = ask(client, server.url)
  await expect.poll(() => server.streams.length).toBe(1)
  const gone = [new AbortController(), new AbortController()]
  const silent = failure(client.request(post(server.url), gone[0]!.signal))
  await expect.poll(() => server.streams.length).toBe(2)
  const { body } = await client.request(post(server.url), gone[1]!.signal)
  expect((await body.read())?.toString()).toBe('part')
  const reading = failure(body.read())
  const atMs = performance.now()
  for (const each of gone) each.abort()
  expect([(await silent).kind, (await reading).kind]).toEqual(['cancelled', 'cancelled'])
  for (const index of [1, 2]) expect((await server.streams[index]!.left) - atMs).toBeLessThan(1000)
  expect([await other, server.sessions.length, server.sessions[0]?.destroyed]).toEqual(['ok', 1, false])
})

test('S-09: an abort while the body is still being sent ends the stream too', async () => {
  await using server = await listenHttp2((stream) => say(stream, 'ok'))
  const client = createClient()
  await ask(client, server.url)
  const opened = Promise.withResolvers<Http2Stream>()
  // Nobody reads it, so that the body stops at the stream's window.
  server.sessions[0]!.removeAllListeners('stream').once('stream', (stream) => opened.resolve(stream))
  const gone = new AbortController()
  const asked = failure(client.request(post(server.url, 5000, Buffer.alloc(5_000_000)), gone.signal))
  const stream = await opened.promise
  const aborted = new Promise((resolve) => stream.once('aborted', () => resolve(stream.rstCode)))
  stream.on('error', () => {})
  gone.abort()
  expect([(await asked).kind, await aborted]).toEqual(['cancelled', constants.NGHTTP2_CANCEL])
})

test('S-10: a slow reader bounds what the backend can send, is no silence, and holds nobody else up', async () => {
  const total = 50 * 1024 * 1024
  let written = 0
  await using server = await listenHttp2(async (stream, _seen, index) => {
    if (index > 2) return say(stream, 'ok')
    stream.respond()
    const piece = Buffer.alloc(64 * 1024, 'x')
    for (let sent = 0; sent < total / 3; sent += piece.length) {
      if (!stream.write(piece)) await new Promise((resolve) => stream.once('drain', resolve))
      written += piece.length
    }
    stream.end()
  })
  const client = createClient()
  const bodies = await Promise.all([0, 1, 2].map(async () => (await client.request(post(server.url, 300), never)).body))
  await delay(700)
  expect(written).toBeLessThan(16 * 1024 * 1024)
  expect([await ask(client, server.url), server.sessions.length]).toEqual(['ok', 1])
  let read = 0
  for (const body of bodies) for await (const chunk of body) read += chunk.length
  expect(read).toBe(written)
  expect(read).toBeGreaterThanOrEqual(total)
})

test('S-18: 200 answers at once over HTTP/2 are not mixed up', async () => {
  await using server = await listenHttp2(async (stream, { headers }) => {
    stream.respond()
    for (let i = 0; i < 5; i += 1) {
      stream.write(`${headers[':path']} `)
      await delay(10)
    }
    stream.end()
  })
  const client = createClient()
  const paths = Array.from({ length: 200 }, (_, i) => `/${i}`)
  const texts = await Promise.all(paths.map((path) => ask(client, server.url + path)))
  expect(texts).toEqual(paths.map((path) => `${path} `.repeat(5)))
  expect(server.sessions.length).toBeLessThanOrEqual(4)
})

test('a silence over HTTP/2 is a timeout; the connection that was silent is not used again', async () => {
  await using server = await listenHttp2((stream, _seen, index) => {
    if (index === 1) stream.respond()
    if (index === 1) stream.write('part')
    if (index === 2) say(stream, 'ok')
  })
  const client = createClient()
  const early = await failure(client.request(post(server.url, 150), never))
  expect([early.kind, early.status, early.message.includes(server.host)]).toEqual(['upstream_timeout', 504, true])
  await server.streams[0]!.left
  const { body } = await client.request(post(server.url, 150), never)
  expect((await body.read())?.toString()).toBe('part')
  expect((await failure(body.read())).kind).toBe('upstream_timeout')
  await server.streams[1]!.left
  expect([await ask(client, server.url), server.sessions.length]).toEqual(['ok', 3])
})

test('whoever else uses a connection that was silent keeps it until its own answer is complete', async () => {
  await using server = await listenHttp2((stream, _seen, index) => {
    if (index === 0) setTimeout(() => say(stream, 'late'), 500)
    if (index === 2) say(stream, 'ok')
  })
  const client = createClient()
  const slow = ask(client, server.url)
  await expect.poll(() => server.streams.length).toBe(1)
  expect((await failure(client.request(post(server.url, 150), never))).kind).toBe('upstream_timeout')
  expect([await ask(client, server.url), await slow, server.sessions.length]).toEqual(['ok', 'late', 2])
})

test.each([
  ['closed', (stream: ServerHttp2Stream) => stream.session?.destroy()],
  ['reset', (stream: ServerHttp2Stream) => stream.session?.socket.destroy()],
])('a fresh HTTP/2 connection that is %s without an answer is not asked again', async (_how, kill) => {
  await using server = await listenHttp2((stream) => kill(stream))
  const error = await failure(createClient().request(post(server.url), never))
  expect([error.kind, isConnectError(error), server.streams.length]).toEqual(['upstream_unreachable', false, 1])
})

test.each(['closed', 'reset'] as const)(
  'S-17: an idle HTTP/2 connection found %s is replaced without the caller noticing',
  async (how) => {
    await using server = await listenHttp2((stream) => say(stream, 'ok'))
    await using relay = await listenRelay(server.port)
    const client = createClient()
    const url = relay.url.replace('http:', 'https:')
    expect(await ask(client, url)).toBe('ok')
    await delay(50)
    // What is sent from now on arrives nowhere, and then the connection turns out to be dead.
    relay.cut(how)
    expect([await ask(client, url), server.streams.length, relay.connections()]).toEqual(['ok', 2, 2])
  },
)

test('an HTTP/2 connection that breaks while it is in use is not asked again: the request had arrived', async () => {
  await using server = await listenHttp2((stream, { session }, index) => {
    if (index === 0) say(stream, 'ok')
    else if (index === 1) session.ping(() => session.destroy())
  })
  const client = createClient()
  await ask(client, server.url)
  const error = await failure(client.request(post(server.url), never))
  expect([error.kind, isConnectError(error), server.streams.length]).toEqual(['upstream_unreachable', false, 2])
})

test('S-17: a stream the backend refused, or never took up before it went away, is asked for once more', async () => {
  await using server = await listenHttp2((stream, { session }, index) => {
    if (index === 0) stream.close(constants.NGHTTP2_REFUSED_STREAM)
    else if (index === 2) session.goaway(constants.NGHTTP2_NO_ERROR, 1)
    else say(stream, 'ok')
  })
  const client = createClient()
  expect([await ask(client, server.url), server.streams.length, server.sessions.length]).toEqual(['ok', 2, 1])
  expect([await ask(client, server.url), server.streams.length, server.sessions.length]).toEqual(['ok', 4, 2])
})

test('refused again and again is a failure, and the connection stays', async () => {
  await using server = await listenHttp2((stream, _seen, index) => {
    if (index > 1) say(stream, 'ok')
    else stream.close(constants.NGHTTP2_REFUSED_STREAM)
  })
  const client = createClient()
  const error = await failure(client.request(post(server.url), never))
  expect([error.kind, error.message]).toEqual([
    'upstream_unreachable',
    `${server.host} closed the connection without an answer (Stream closed with error code NGHTTP2_REFUSED_STREAM). Try again.`,
  ])
  expect([await ask(client, server.url), server.sessions.length]).toEqual(['ok', 1])
})

test('answers under way when the backend announces its end are read to their own', async () => {
  await using server = await listenHttp2((stream, { session }, index) => {
    if (index > 0) return say(stream, 'ok')
    stream.respond()
    stream.write('first ')
    session.goaway(constants.NGHTTP2_NO_ERROR, stream.id)
    setTimeout(() => stream.end('last'), 100)
  })
  const client = createClient()
  const first = ask(client, server.url)
  await delay(30)
  expect([await ask(client, server.url), await first, server.sessions.length]).toEqual(['ok', 'first last', 2])
})

test.each([
  ['the stream', (stream: ServerHttp2Stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR)],
  ['the connection', (stream: ServerHttp2Stream) => stream.session?.destroy()],
])('an answer cut with %s gives what came, then says so', async (_what, cut) => {
  await using server = await listenHttp2((stream) => {
    // Else Node ends the answer properly before it resets the stream.
    stream.respond({}, { waitForTrailers: true })
    stream.write('part')
    setTimeout(() => cut(stream), 30)
  })
  const { body } = await createClient().request(post(server.url), never)
  expect((await body.read())?.toString()).toBe('part')
  expect((await failure(body.read())).kind).toBe('upstream_stream_ended')
})
