import type { ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { closedPort, listen, listenRaw } from '../../../test/support/loopback.ts'
import { GatewayError } from '../../turn/errors.ts'
import { HttpClient, isConnectError } from './http-client.ts'
import type { ProxySettings } from './proxy.ts'

const never = new AbortController().signal

function createClient(proxy?: ProxySettings): HttpClient {
  const client = new HttpClient(proxy)
  onTestFinished(() => client.close())
  return client
}

const post = (url: string, timeoutMs = 5000) =>
  ({ method: 'POST', url, headers: [['content-type', 'application/json']], body: '{}', timeoutMs }) as const

async function failure(promise: Promise<unknown>): Promise<GatewayError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(GatewayError)
  return error as GatewayError
}

async function readAll(body: AsyncIterable<Buffer>): Promise<string> {
  let text = ''
  for await (const chunk of body) text += chunk.toString()
  return text
}

test('headers go out in the given order and spelling, with nothing but host, connection and content-length besides', async () => {
  await using server = await listen((_request, response) => void response.end('ok'))
  const headers = [
    ['version', '1'],
    ['X-Odd', 'a'],
    ['accept', 'text/event-stream'],
    ['content-type', 'application/json'],
    ['authorization', 'Bearer t'],
  ] as const
  const client = createClient()
  const response = await client.request(
    { method: 'POST', url: `${server.url}/a?b=c`, headers, body: 'é', timeoutMs: 5000 },
    never,
  )
  expect([response.status, await response.body.text()]).toEqual([200, 'ok'])
  expect(
    server.requests.map(({ method, url, rawHeaders, body }) => [method, url, rawHeaders, body.toString()]),
  ).toEqual([
    [
      'POST',
      '/a?b=c',
      ['host', server.host, 'connection', 'keep-alive', ...headers.flat(), 'content-length', '2'],
      'é',
    ],
  ])
})

test('answer headers are lower-case, repeated ones joined, cookies a list', async () => {
  await using server = await listen((_request, response) => {
    response.writeHead(429, [
      ['X-One', 'a'],
      ['Set-Cookie', 'a=1'],
      ['x-one', 'b'],
      ['Set-Cookie', 'b=2'],
      ['Date', 'd'],
      ['Connection', 'close'],
    ])
    response.end()
  })
  const { status, headers, setCookies } = await createClient().request(post(server.url), never)
  expect([status, headers, setCookies]).toEqual([
    429,
    { 'x-one': 'a, b', date: 'd', connection: 'close', 'transfer-encoding': 'chunked' },
    ['a=1', 'b=2'],
  ])
})

test('A-29: a redirect is an answer, not an order', async () => {
  await using other = await listen((_request, response) => void response.end())
  await using server = await listen(
    (_request, response) => void response.writeHead(307, { location: `${other.url}/x` }).end(),
  )
  const { status } = await createClient().request(post(server.url), never)
  expect([status, other.connections()]).toEqual([307, 0])
})

test('a connection is used again once its answer is read', async () => {
  await using server = await listen((_request, response) => void response.end('ok'))
  const client = createClient()
  for (let i = 0; i < 3; i += 1) {
    await (await client.request(post(server.url), never)).body.text()
    await delay(10)
  }
  expect([server.requests.length, server.connections()]).toEqual([3, 1])
})

test('a released answer that ends in time leaves its connection usable; one that does not is closed', async () => {
  const { promise: stalled, resolve } = Promise.withResolvers<Promise<number>>()
  await using server = await listen((request, response, index) => {
    response.write('last event')
    if (index < 2) setTimeout(() => response.end(), 20)
    else resolve(request.left)
  })
  const client = createClient()
  for (let i = 0; i < 3; i += 1) {
    const { body } = await client.request(post(server.url), never)
    await body.read()
    body.release()
    await delay(100)
  }
  expect(server.connections()).toBe(1)
  await stalled.then((left) => left)
})

test('S-09: an abort while the backend is silent closes the connection at once', async () => {
  await using server = await listen(() => {})
  const gone = new AbortController()
  const asked = createClient().request(post(server.url), gone.signal)
  await expect.poll(() => server.requests.length).toBe(1)
  const atMs = performance.now()
  gone.abort()
  expect((await failure(asked)).kind).toBe('cancelled')
  expect((await server.requests[0]!.left) - atMs).toBeLessThan(1000)
})

test('S-09: an abort in the middle of an answer closes the connection at once and ends the reading', async () => {
  await using server = await listen((_request, response) => void response.write('part'))
  const gone = new AbortController()
  const { body } = await createClient().request(post(server.url), gone.signal)
  expect((await body.read())?.toString()).toBe('part')
  const reading = body.read()
  const atMs = performance.now()
  gone.abort()
  expect((await failure(reading)).kind).toBe('cancelled')
  expect((await server.requests[0]!.left) - atMs).toBeLessThan(1000)
})

test('an abort keeps its reason if that is an error of ours', async () => {
  const reason = new GatewayError('shutting_down', 'Bye.')
  expect(await failure(createClient().request(post('http://127.0.0.1:9'), AbortSignal.abort(reason)))).toBe(reason)
})

test('leaving the loop closes the connection', async () => {
  await using server = await listen((_request, response) => void response.write('part'))
  const { body } = await createClient().request(post(server.url), never)
  for await (const _ of body) break
  await server.requests[0]!.left
})

test('no first byte within the limit is a timeout, and so is a silence after it', async () => {
  await using server = await listen((_request, response, index) => {
    if (index === 1) response.write('part')
  })
  const client = createClient()
  const early = await failure(client.request(post(server.url, 150), never))
  expect([early.kind, early.status, early.message.includes(server.host)]).toEqual(['upstream_timeout', 504, true])
  await server.requests[0]!.left

  const { body } = await client.request(post(server.url, 150), never)
  expect((await failure(readAll(body))).kind).toBe('upstream_timeout')
  await server.requests[1]!.left
})

test('the limit is for silence, not for the whole answer', async () => {
  await using server = await listen(async (_request, response) => {
    for (let i = 0; i < 6; i += 1) {
      response.write('.')
      await delay(60)
    }
    response.end()
  })
  const { body } = await createClient().request(post(server.url, 200), never)
  expect(await readAll(body)).toBe('......')
})

test('X-09: a refused connection names the host and counts as never sent', async () => {
  const port = await closedPort()
  const error = await failure(createClient().request(post(`http://127.0.0.1:${port}/x`), never))
  expect([error.kind, isConnectError(error), error.message]).toEqual([
    'upstream_unreachable',
    true,
    `127.0.0.1:${port} could not be reached (ECONNREFUSED). Check the network, the proxy variables and base_url.`,
  ])
})

test('a failed TLS handshake counts as never sent', async () => {
  await using server = await listenRaw((socket) => void socket.end('no TLS here\r\n\r\n'))
  const error = await failure(createClient().request(post(server.url.replace('http:', 'https:')), never))
  expect([error.kind, isConnectError(error)]).toEqual(['upstream_unreachable', true])
})

test('a fresh connection that closes without an answer is not asked again', async () => {
  await using server = await listen((_request, response) => void response.socket?.resetAndDestroy())
  const error = await failure(createClient().request(post(server.url), never))
  expect([error.kind, isConnectError(error), server.requests.length]).toEqual(['upstream_unreachable', false, 1])
})

test('a cut answer gives what came, then says so', async () => {
  await using server = await listen((_request, response) => {
    response.write('part')
    setTimeout(() => response.socket?.destroy(), 30)
  })
  const { body } = await createClient().request(post(server.url), never)
  expect((await body.read())?.toString()).toBe('part')
  expect((await failure(body.read())).kind).toBe('upstream_stream_ended')
})

for (const [how, kill] of [
  ['reset', (response: ServerResponse) => response.socket?.resetAndDestroy()],
  ['closed', (response: ServerResponse) => response.socket?.destroy()],
] as const) {
  test(`S-17: connections found ${how} when they are used again are replaced without the caller noticing`, async () => {
    let isDead = false
    const used = new WeakSet<object>()
    await using server = await listen(async (_request, response) => {
      const socket = response.socket!
      if (isDead && used.has(socket)) {
        kill(response)
        return
      }
      used.add(socket)
      await delay(30)
      response.end('ok')
    })
    const client = createClient()
    const ask = async () => (await client.request(post(server.url), never)).body.text()
    await Promise.all([ask(), ask(), ask()])
    expect(server.connections()).toBe(3)
    isDead = true
    expect(await ask()).toBe('ok')
  })
}

test('an answer broken off in its head is no dead connection: the request arrived, and is not sent again', async () => {
  for (const usedBefore of [false, true]) {
    let isBroken = false
    await using server = await listen((_request, response) => {
      if (!isBroken) response.end('ok')
      else response.socket?.write('HTTP/1.1 2', () => response.socket?.resetAndDestroy())
    })
    const client = createClient()
    if (usedBefore) await (await client.request(post(server.url), never)).body.text()
    isBroken = true
    const before = server.requests.length
    expect((await failure(client.request(post(server.url), never))).kind).toBe('upstream_unreachable')
    expect(server.requests.length - before).toBe(1)
  }
})

test('S-10: the backend is not read faster than the answer is taken, and a slow reader is no silence', async () => {
  const total = 50 * 1024 * 1024
  let written = 0
  await using server = await listen(async (_request, response) => {
    const piece = Buffer.alloc(64 * 1024, 'x')
    for (; written < total; written += piece.length) {
      if (!response.write(piece)) await new Promise((resolve) => response.once('drain', resolve))
    }
    response.end()
  })
  const { body } = await createClient().request(post(server.url, 200), never)
  await delay(700)
  expect(written).toBeLessThan(16 * 1024 * 1024)
  let read = 0
  for await (const chunk of body) read += chunk.length
  expect(read).toBe(total)
})

test('an answer longer than expected is refused', async () => {
  await using server = await listen((_request, response) => void response.end('x'.repeat(2000)))
  const { body } = await createClient().request(post(server.url), never)
  expect((await failure(body.text(1000))).kind).toBe('upstream_bad_response')
})

test('O-01: the proxy is used for other hosts, never for loopback', async () => {
  await using proxy = await listen((_request, response) => void response.end('from the proxy'))
  await using server = await listen((_request, response) => void response.end('direct'))
  const client = createClient({ httpProxy: proxy.url })
  const read = async (url: string) => (await client.request(post(url), never)).body.text()
  expect([await read('http://backend.example/x'), await read(server.url)]).toEqual(['from the proxy', 'direct'])
  expect(proxy.requests.map(({ method, url }) => `${method} ${url}`)).toEqual(['POST http://backend.example/x'])
})

test("O-01: https goes through a tunnel; the proxy's refusal counts as never sent", async () => {
  const heads: string[] = []
  await using proxy = await listenRaw((socket) => {
    socket.on('data', (data) => {
      heads.push(data.toString().split('\r\n', 1)[0] ?? '')
      socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n')
    })
  })
  const client = createClient({ httpsProxy: proxy.url })
  const error = await failure(client.request(post('https://backend.example/x'), never))
  expect([heads, error.kind, isConnectError(error), error.message.includes('Proxy response (403)')]).toEqual([
    ['CONNECT backend.example:443 HTTP/1.1'],
    'upstream_unreachable',
    true,
    true,
  ])
})

test('a header that HTTP cannot carry is a failure of ours', async () => {
  const client = createClient()
  const request = { ...post('http://127.0.0.1:9/'), headers: [['x', 'a\nb']] as const }
  const error = GatewayError.from(await client.request(request, never).catch((thrown: unknown) => thrown))
  expect(error.kind).toBe('internal_error')
})
