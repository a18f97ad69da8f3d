import { expect, onTestFinished, test } from 'vitest'
import { type Answer, closedPort, listen } from '../../../test/support/loopback.ts'
import { SendError } from '../../lib/send-error.ts'
import type { Credential } from '../../turn/connector.ts'
import { GatewayError } from '../../turn/errors.ts'
import { type CallOptions, createSend, fetchModels, fetchUsage } from './backend-calls.ts'
import { HttpClient } from './http-client.ts'

const never = new AbortController().signal

async function setUp(...answers: readonly Answer[]) {
  const server = await listen((request, response, index) =>
    (answers[index] ?? answers.at(-1))?.(request, response, index),
  )
  const client = new HttpClient()
  onTestFinished(async () => {
    await client.close()
    await server[Symbol.asyncDispose]()
  })
  const credential = (token: string): Credential => ({ token, kind: 'chatgpt', accountId: 'acct-A', isFedramp: true })
  const call: CallOptions = {
    client,
    identity: { originator: 'codex_exec', userAgent: 'codex_exec/1', clientVersion: '0.169.0' },
    baseUrl: `${server.url}/backend-api/codex`,
    credentials: {
      current: async () => credential('one'),
      renew: async () => credential('two'),
      describe: () => Promise.reject(new Error('not asked')),
    },
  }
  return { server, client, call }
}

const json =
  (status: number, body: object | string, headers: Record<string, string> = {}): Answer =>
  (_request, response) =>
    void response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body))

async function thrown(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}

test('the catalogue is asked for as the CLI asks, and comes with its etag', async () => {
  const { server, call } = await setUp(json(200, { models: [{ slug: 'a' }, 'odd'] }, { etag: '"1"' }))
  expect(await fetchModels(call, never)).toEqual({ models: [{ slug: 'a' }], etag: '"1"' })
  const [request] = server.requests
  expect([request?.method, request?.url, request?.rawHeaders.slice(4)]).toEqual([
    'GET',
    '/backend-api/codex/models?client_version=0.169.0',
    [
      ...['version', '0.169.0', 'authorization', 'Bearer one', 'chatgpt-account-id', 'acct-A'],
      ...['x-openai-fedramp', 'true', 'originator', 'codex_exec', 'user-agent', 'codex_exec/1', 'accept', '*/*'],
    ],
  ])
})

test('the usage call is beside the base and answers the body as it is', async () => {
  const { server, call } = await setUp(json(200, { plan_type: 'pro' }))
  expect(await fetchUsage(call, never)).toEqual({ plan_type: 'pro' })
  expect([server.requests[0]?.url, server.requests[0]?.rawHeaders[4]]).toEqual([
    '/backend-api/wham/usage',
    'user-agent',
  ])
})

test('a 401 is answered with another token, once', async () => {
  const { server, call } = await setUp(json(401, {}), json(200, { models: [] }), json(401, { detail: 'No.' }))
  expect(await fetchModels(call, never)).toEqual({ models: [], etag: undefined })
  expect(await thrown(fetchModels(call, never))).toMatchObject({ kind: 'codex_auth_rejected' })
  expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([
    'Bearer one',
    'Bearer two',
    'Bearer one',
    'Bearer two',
  ])
})

test.each([
  [500, { detail: 'Oops' }, 'server_error'],
  [200, 'not JSON', 'upstream_bad_response'],
  [200, { data: [] }, 'upstream_bad_response'],
  [403, '<html>', 'upstream_blocked'],
  [302, '', 'upstream_redirect'],
])('%i %j → %s', async (status, body, kind) => {
  const { call } = await setUp(json(status, body))
  expect(await thrown(fetchModels(call, never))).toMatchObject({ kind })
})

const post = (url: string) => ({ method: 'POST', url, headers: { b: '1', a: '2' }, body: '{"x":1}' }) as const

test('createSend: headers in their order, every status is an answer, redirects are not followed', async () => {
  const { server } = await setUp(json(302, '{"error":"x"}', { location: '/elsewhere' }))
  const answer = await createSend(() => new HttpClient())(post(`${server.url}/oauth/token`), never)
  expect([answer.status, answer.bodyText, server.requests.length]).toEqual([302, '{"error":"x"}', 1])
  expect([server.requests[0]?.rawHeaders.slice(4), server.requests[0]?.body.toString()]).toEqual([
    ['b', '1', 'a', '2', 'content-length', '7'],
    '{"x":1}',
  ])
})

test('createSend: only a request that was never sent counts as not having reached the other side', async () => {
  const { server } = await setUp(
    () => {},
    (_request, response) => void response.socket?.destroy(),
    (_request, response) => {
      response.write('part')
      setTimeout(() => response.socket?.destroy(), 20)
    },
    () => {},
  )
  const send = createSend(() => new HttpClient(), 150)
  const errors = [
    await thrown(send(post(`http://127.0.0.1:${await closedPort()}`), never)),
    await thrown(send(post(server.url), never)),
    await thrown(send(post(server.url), never)),
    await thrown(send(post(server.url), never)),
    await thrown(createSend(() => new HttpClient())(post(server.url), AbortSignal.timeout(100))),
    await thrown(send(post(server.url), AbortSignal.abort())),
  ]
  expect(errors.map((error) => (error instanceof SendError ? error.reached : error))).toEqual([
    false,
    true,
    true,
    true,
    true,
    false,
  ])
  expect((errors[1] as SendError).host).toBe(server.host)
})

test('an abort ends a call', async () => {
  const { call } = await setUp(() => {})
  expect(await thrown(fetchUsage(call, AbortSignal.timeout(50)))).toBeInstanceOf(GatewayError)
})
