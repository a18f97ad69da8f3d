import type { ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, test as each, expect } from 'vitest'
import { type Answer, closedPort, type Loopback, listen } from '../../../test/support/loopback.ts'
import type { Credential, OpenStream } from '../../turn/connector.ts'
import { eventsOf } from '../../turn/delta-run.ts'
import { GatewayError } from '../../turn/errors.ts'
import type { TurnEvent } from '../../turn/events.ts'
import { HttpClient } from './http-client.ts'
import type { RateLimits } from './rate-limits.ts'
import { openTurnStream, type TurnRequest } from './transport.ts'

// Most of these wait for a retry; side by side they take a second.
const test = each.concurrent
const client = new HttpClient()
afterAll(() => client.close())

const never = new AbortController().signal
const created = { type: 'response.created', response: { id: 'resp_1' } }
const delta = (text: string) => ({ type: 'response.output_text.delta', delta: text })
const completed = { type: 'response.completed', response: { id: 'resp_1' } }
const frame = (data: object) => `data: ${JSON.stringify(data)}\n\n`
const failed = (code: string, message = 'No.') => ({ type: 'response.failed', response: { error: { code, message } } })

/** Answers the first request with the first of these and so on; the last one for all that follow. */
function script(...answers: readonly Answer[]): Promise<Loopback> {
  return listen((request, response, index) => (answers[index] ?? answers.at(-1))?.(request, response, index))
}

const status =
  (code: number, body: object | string, headers: Record<string, string> = {}): Answer =>
  (_request, response) =>
    void response.writeHead(code, headers).end(typeof body === 'string' ? body : JSON.stringify(body))

const stream =
  (...events: readonly object[]): Answer =>
  (_request, response) =>
    void response.end(events.map(frame).join(''))

const good = stream(created, delta('Hi'), completed)

interface Setup {
  readonly url: string
  readonly signal?: AbortSignal
  readonly timeoutMs?: number
}

function setUp({ url, signal = never, timeoutMs = 5000 }: Setup) {
  const renewed: string[] = []
  const limits: RateLimits[] = []
  const answered: string[] = []
  const credential = (token: string): Credential => ({ token, kind: 'chatgpt', accountId: 'a', isFedramp: false })
  const request: TurnRequest = {
    endpoint: 'chat',
    slug: 'gpt-5.5',
    host: new URL(url).host,
    timeoutMs,
    credentials: {
      current: async () => credential('one'),
      renew: async (rejected) => {
        renewed.push(rejected.token)
        return credential('two')
      },
      describe: () => Promise.reject(new Error('not asked')),
    },
    prepareAttempt: async ({ token }) => ({
      url: `${url}/responses`,
      headers: [['authorization', `Bearer ${token}`]],
      body: '{}',
      bodyBytes: 2,
    }),
    observer: {
      answered: (response, { token }) => answered.push(`${response.status} ${token}`),
      limited: (seen) => limits.push(seen),
    },
  }
  return { renewed, limits, answered, open: () => openTurnStream(client, request, signal) }
}

async function read({ events }: Pick<OpenStream, 'events'>): Promise<string[]> {
  const types: string[] = []
  for await (const batch of events) types.push(...eventsOf(batch).map(typeOf))
  return types
}

async function failure(promise: Promise<unknown>): Promise<GatewayError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(GatewayError)
  return error as GatewayError
}

const typeOf = ({ type }: TurnEvent) => type
const sent = (server: Loopback) => server.requests.map(({ headers }) => headers.authorization)

test('a good answer: its events, and the headers a client may see', async () => {
  await using server = await script((_request, response) => {
    response.setHeader('x-codex-primary-used-percent', '3')
    response.setHeader('x-codex-primary-window-minutes', '300')
    response.setHeader('x-request-id', 'req_1')
    response.setHeader('openai-model', 'gpt-5.5')
    response.setHeader('set-cookie', '__cf_bm=1')
    response.end([created, delta('Hi'), completed].map(frame).join(''))
  })
  const { open, answered, limits } = setUp(server)
  const answer = await open()
  expect(answer.headers).toEqual({
    'x-codex-primary-used-percent': '3',
    'x-codex-primary-window-minutes': '300',
    'x-ratelimit-limit-requests': '100',
    'x-ratelimit-remaining-requests': '97',
    'x-request-id': 'req_1',
    'openai-model': 'gpt-5.5',
  })
  expect(await read(answer)).toEqual(['response.created', 'response.output_text.delta', 'response.completed'])
  expect([answered, limits.map(({ windows }) => windows[0]?.name)]).toEqual([['200 one'], ['5h']])
})

test('S-13: private, unreadable and unknown events: only the unknown ones are passed on', async () => {
  const limits = { type: 'codex.rate_limits', rate_limits: { primary: { used_percent: 1, window_minutes: 10_080 } } }
  await using server = await script((_request, response) => {
    response.end(`: hi\n\n${frame(limits)}data: what\n\n${frame({ type: 'new.thing' })}${frame(completed)}`)
  })
  const { open, limits: seen } = setUp(server)
  expect(await read(await open())).toEqual(['new.thing', 'response.completed'])
  expect(seen.map(({ windows }) => windows[0]?.name)).toEqual(['weekly'])
})

test('S-12: the terminal event ends the stream, whatever follows it and however long the connection stays', async () => {
  await using server = await script((_request, response) => {
    response.write(frame(created) + frame({ type: 'response.done', response: {} }) + frame(delta('late')))
  })
  expect(await read(await setUp(server).open())).toEqual(['response.created', 'response.done'])
  await server.requests[0]!.left
})

test('S-01: a first event does not wait for the next', async () => {
  await using server = await script((_request, response) => void response.write(frame(created)))
  const { events } = await setUp(server).open()
  const iterator = events[Symbol.asyncIterator]()
  expect((await iterator.next()).value?.map(typeOf)).toEqual(['response.created'])
  await iterator.return?.()
  await server.requests[0]!.left
})

test('X-17: a failure as the first event is thrown by the opening, and nothing is sent again', async () => {
  await using server = await script(stream(failed('rate_limit_exceeded', 'Please try again in 1.2s.')))
  const error = await failure(setUp(server).open())
  expect([error.status, error.code, error.retryAfterSeconds, error.event?.type, server.requests.length]).toEqual([
    429,
    'rate_limit_exceeded',
    2,
    'response.failed',
    1,
  ])
})

test('S-05: a later failure is thrown behind what came before it', async () => {
  await using server = await script(stream(created, delta('Hi'), failed('server_is_overloaded'), delta('never')))
  const { events } = await setUp(server).open()
  const iterator = events[Symbol.asyncIterator]()
  expect((await iterator.next()).value?.map(typeOf)).toEqual(['response.created', 'response.output_text.delta'])
  expect((await failure(iterator.next())).kind).toBe('server_is_overloaded')
  expect((await iterator.next()).done).toBe(true)
})

test('S-06, S-07: a cut and an end without a terminal event are the same failure', async () => {
  await using server = await script(stream(created), (_request, response) => {
    response.write(frame(created))
    setTimeout(() => response.socket?.destroy(), 20)
  })
  const { open } = setUp(server)
  for (let i = 0; i < 2; i += 1) {
    expect((await failure(read(await open()))).kind).toBe('upstream_stream_ended')
  }
})

test('X-16: a 200 without events is a bad response, with the words it had', async () => {
  await using server = await script(status(200, { error: { message: 'Wrong door.' } }), status(200, ''))
  const { open } = setUp(server)
  const error = await failure(open())
  expect([error.kind, error.message.endsWith('Check base_url. It said: Wrong door.')]).toEqual([
    'upstream_bad_response',
    true,
  ])
  expect((await failure(open())).kind).toBe('upstream_bad_response')
})

test('a stream of nothing but private events was no answer either', async () => {
  await using server = await script(stream({ type: 'codex.rate_limits' }))
  expect((await failure(setUp(server).open())).kind).toBe('upstream_stream_ended')
})

test('an answer over 16 MiB without an event end is given up', async () => {
  await using server = await script(async (_request, response) => {
    const piece = Buffer.alloc(1024 * 1024, 'x')
    response.on('error', () => {})
    for (let i = 0; i < 20 && !response.destroyed; i += 1) {
      if (!response.write(piece)) await Promise.race([drained(response), delay(1000)])
    }
  })
  expect((await failure(setUp(server).open())).kind).toBe('upstream_bad_response')
})

test('S-11: an event of 10 MB arrives whole', async () => {
  await using server = await script(stream(created, delta('x'.repeat(10_000_000)), completed))
  const { events } = await setUp(server).open()
  let longest = 0
  for await (const batch of events) for (const { json } of eventsOf(batch)) longest = Math.max(longest, json.length)
  expect(longest).toBeGreaterThan(10_000_000)
})

test('a 401 is answered with another token, once', async () => {
  await using server = await script(status(401, { detail: 'Unauthorized' }), good)
  const { open, renewed, answered } = setUp(server)
  expect(await read(await open())).toHaveLength(3)
  expect([sent(server), renewed, answered]).toEqual([['Bearer one', 'Bearer two'], ['one'], ['401 one', '200 two']])
})

test("X-22: a second 401 is the end, with the backend's message", async () => {
  await using server = await script(status(401, { error: { message: 'Missing scopes: model.request' } }))
  const error = await failure(setUp(server).open())
  expect([error.kind, error.message.includes('Missing scopes: model.request'), server.requests.length]).toEqual([
    'codex_auth_rejected',
    true,
    2,
  ])
})

for (const code of [502, 503, 504]) {
  test(`X-06: ${code} is tried again once, after half a second`, async () => {
    await using server = await script(status(code, { detail: 'Later' }), good)
    const startedAtMs = performance.now()
    expect(await read(await setUp(server).open())).toHaveLength(3)
    const took = performance.now() - startedAtMs
    expect([server.requests.length, took > 450, took < 3000]).toEqual([2, true, true])
  })
}

test('X-06: a second 503 is passed on', async () => {
  await using server = await script(status(503, { detail: 'Later' }))
  const error = await failure(setUp(server).open())
  expect([error.status, error.message, server.requests.length]).toEqual([503, 'Later', 2])
})

test('X-07: a short Retry-After is waited for, a longer one passed on', async () => {
  await using server = await script(
    status(503, {}, { 'retry-after': '1' }),
    good,
    status(503, {}, { 'retry-after': '60' }),
  )
  const { open } = setUp(server)
  const startedAtMs = performance.now()
  await read(await open())
  expect(performance.now() - startedAtMs).toBeGreaterThan(950)
  const error = await failure(open())
  expect([error.status, error.retryAfterSeconds, server.requests.length]).toEqual([503, 60, 3])
})

test.each([
  [500, { detail: 'Oops' }, {}],
  [429, { detail: 'Slow' }, {}],
  [400, { detail: 'Selected model is at capacity' }, {}],
  [400, { error: { code: 'context_length_exceeded' } }, {}],
  [403, { detail: 'No' }, {}],
  [503, '<html>', { 'cf-mitigated': 'challenge' }],
  [307, '', { location: 'http://127.0.0.1:9/' }],
])('%i %j %j is not tried again', async (code, body, headers) => {
  await using server = await script(status(code, body, headers))
  await failure(setUp(server).open())
  expect(server.requests.length).toBe(1)
})

test('a 401 and a 503 have one retry each', async () => {
  await using server = await script(status(503, {}), status(401, {}), good)
  expect(await read(await setUp(server).open())).toHaveLength(3)
  expect(sent(server)).toEqual(['Bearer one', 'Bearer one', 'Bearer two'])
})

test('X-09: a connection that cannot be made is tried twice', async () => {
  const startedAtMs = performance.now()
  const error = await failure(setUp({ url: `http://127.0.0.1:${await closedPort()}` }).open())
  expect([error.kind, performance.now() - startedAtMs > 450]).toEqual(['upstream_unreachable', true])
})

test('silence before and after the first event is a timeout, which is not tried again', async () => {
  await using server = await script(
    () => {},
    (_request, response) => void response.write(frame(created)),
  )
  const { open } = setUp({ url: server.url, timeoutMs: 150 })
  expect((await failure(open())).kind).toBe('upstream_timeout')
  expect((await failure(read(await open()))).kind).toBe('upstream_timeout')
  expect(server.requests.length).toBe(2)
})

test('S-09: an abort closes the connection within a second, also while waiting to try again', async () => {
  await using server = await script((_request, response) => void response.write(frame(created)))
  const gone = new AbortController()
  const { events } = await setUp({ url: server.url, signal: gone.signal }).open()
  const iterator = events[Symbol.asyncIterator]()
  await iterator.next()
  const pending = failure(iterator.next())
  const atMs = performance.now()
  gone.abort()
  expect((await pending).kind).toBe('cancelled')
  expect((await server.requests[0]!.left) - atMs).toBeLessThan(1000)

  await using busy = await script(status(503, {}, { 'retry-after': '4' }))
  const left = new AbortController()
  const opening = failure(setUp({ url: busy.url, signal: left.signal }).open())
  await expect.poll(() => busy.requests.length).toBe(1)
  await delay(50)
  left.abort()
  expect([(await opening).kind, busy.requests.length]).toEqual(['cancelled', 1])
})

test('an error body that is cut still tells its status', async () => {
  await using server = await script((_request, response) => {
    response.writeHead(429, { 'content-length': '1000' }).write('{"error"')
    setTimeout(() => response.socket?.destroy(), 20)
  })
  expect((await failure(setUp(server).open())).status).toBe(429)
})

test('events of one write come as one batch', async () => {
  await using server = await script(stream(created, ...Array.from({ length: 50 }, (_, i) => delta(`${i}`)), completed))
  const { events } = await setUp(server).open()
  const sizes: number[] = []
  for await (const batch of events) sizes.push(eventsOf(batch).length)
  expect(sizes).toEqual([52])
})

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => response.once('drain', resolve))
}
