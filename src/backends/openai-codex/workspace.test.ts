import { expect, onTestFinished, test } from 'vitest'
import { type Answer, listen } from '../../../test/support/loopback.ts'
import type { Credential } from '../../turn/connector.ts'
import { HttpClient } from './http-client.ts'
import { ANY_WORKSPACE, toCheckUrl, toWorkspace, WorkspaceFinder } from './workspace.ts'

const never = new AbortController().signal
const entry = { id: 'acct-A', workspace_backend_origin: 'https://chatgpt.com', account_routing_override: 'us' }
const identity = { originator: 'codex_exec', userAgent: 'codex_exec/1', clientVersion: '1' }

test('only the default base is asked', () => {
  expect(toCheckUrl('https://chatgpt.com/backend-api/codex/')).toBe(
    'https://chatgpt.com/backend-api/wham/accounts/check',
  )
  const others = [
    'https://chatgpt.com/backend-api',
    'http://127.0.0.1:1/codex',
    'https://evil.example/backend-api/codex',
  ]
  expect(others.map(toCheckUrl)).toEqual(others.map(() => undefined))
})

test.each([
  ['us', { origin: 'https://chatgpt.com', routingOverride: 'us' }],
  ['us_cr', { origin: 'https://chatgpt.com', routingOverride: 'us_cr' }],
  ['NO_CONSTRAINT', { origin: 'https://chatgpt.com', routingOverride: undefined }],
  ['moon', ANY_WORKSPACE],
  [undefined, ANY_WORKSPACE],
])('routing override %s', (account_routing_override, expected) => {
  expect(toWorkspace({ accounts: [{ ...entry, account_routing_override }] }, 'acct-A')).toEqual(expected)
})

test.each([
  ['https://chatgpt.com', true],
  ['https://gov.chatgpt.com', true],
  ['https://chatgpt.com/', true],
  ['http://chatgpt.com', false],
  ['https://chatgpt.com.evil.example', false],
  ['https://notchatgpt.com', false],
  ['https://chatgpt.com@evil.example', false],
  ['https://user@chatgpt.com', false],
  ['https://chatgpt.com:8443', false],
  ['https://chatgpt.com/path', false],
  ['https://chatgpt.com?x', false],
  ['nonsense', false],
  [undefined, false],
])('origin %s is trusted: %s', (workspace_backend_origin, isTrusted) => {
  const workspace = toWorkspace({ accounts: [{ ...entry, workspace_backend_origin }] }, 'acct-A')
  expect(workspace.origin !== undefined).toBe(isTrusted)
  if (!isTrusted) expect(workspace).toEqual(ANY_WORKSPACE)
})

test("another account's entry and other shapes say nothing", () => {
  const bodies = [{ accounts: [{ ...entry, id: 'acct-B' }] }, { accounts: 'x' }, { accounts: [null, 'x'] }, {}]
  expect(bodies.map((body) => toWorkspace(body, 'acct-A'))).toEqual(bodies.map(() => ANY_WORKSPACE))
})

async function setUp(answer: Answer) {
  const server = await listen(answer)
  const client = new HttpClient()
  onTestFinished(async () => {
    await client.close()
    await server[Symbol.asyncDispose]()
  })
  const finder = new WorkspaceFinder({ client, identity, checkUrl: `${server.url}/wham/accounts/check` })
  return { server, finder }
}

const credential: Credential = { token: 'one', kind: 'chatgpt', accountId: 'acct-A', isFedramp: false }

test('one call an account, with the headers of the CLI', async () => {
  const { server, finder } = await setUp(
    (_request, response) => void response.end(JSON.stringify({ accounts: [entry] })),
  )
  const found = await Promise.all([1, 2, 3].map(() => finder.find(credential, never)))
  expect(found).toEqual(found.map(() => ({ origin: 'https://chatgpt.com', routingOverride: 'us' })))
  expect(await finder.find({ ...credential, accountId: 'acct-B' }, never)).toEqual(ANY_WORKSPACE)
  expect(server.requests.length).toBe(2)
  expect(server.requests[0]?.rawHeaders.slice(4)).toEqual([
    'user-agent',
    'codex_exec/1',
    'authorization',
    'Bearer one',
    'chatgpt-account-id',
    'acct-A',
    'accept',
    '*/*',
  ])
})

test('a call that fails leaves the usual way, and is not repeated by the next turn', async () => {
  const { server, finder } = await setUp((_request, response) => void response.writeHead(500).end('{}'))
  expect([await finder.find(credential, never), await finder.find(credential, never)]).toEqual([
    ANY_WORKSPACE,
    ANY_WORKSPACE,
  ])
  expect(server.requests.length).toBe(1)
})

test('nothing is asked for without an account, with an API key or at another base', async () => {
  const { server, finder } = await setUp((_request, response) => void response.end('{}'))
  await finder.find({ ...credential, accountId: undefined }, never)
  await finder.find({ ...credential, kind: 'api_key' }, never)
  const client = new HttpClient()
  await new WorkspaceFinder({ client, identity, checkUrl: undefined }).find(credential, never)
  await client.close()
  expect(server.requests.length).toBe(0)
})

test('a client that leaves does not wait, and does not end the call for others', async () => {
  const { promise: asked, resolve } = Promise.withResolvers<() => void>()
  const { finder } = await setUp((_request, response) =>
    resolve(() => response.end(JSON.stringify({ accounts: [entry] }))),
  )
  const gone = new AbortController()
  const first = finder.find(credential, gone.signal)
  const second = finder.find(credential, never)
  const answer = await asked
  gone.abort()
  await expect(first).rejects.toThrow()
  answer()
  expect((await second).routingOverride).toBe('us')
})
