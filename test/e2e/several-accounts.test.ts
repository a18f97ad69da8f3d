import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import type { RecordedRequest } from '../../src/simulator/records.ts'
import { runCommand, useHome } from '../support/command.ts'
import { type Running, startGateway } from '../support/gateway.ts'
import { useSimulator } from '../support/simulator.ts'

/** A gateway with the accounts `one` and `two`, over HTTP, where each request names its account. */
async function start(settings: string): Promise<Running> {
  const gateway = await startGateway({
    yaml: `backends: { openai_codex: { accounts: [one, two], ${settings}, extra: { codex: { transport: sse } } } }`,
    env: { CODEXWAY_LOG_LEVEL: 'debug' },
  })
  signIn(gateway.home, gateway.simulator)
  return gateway
}

function signIn(home: string, simulator: Running['simulator']): void {
  for (const name of ['one', 'two']) {
    const directory = join(home, '.local', 'state', 'codexway', 'accounts', name)
    mkdirSync(directory, { recursive: true })
    simulator.writeAuthFile(directory, { accountId: `acct-${name}`, email: `${name}@example.com` })
  }
}

const LIMIT = {
  status: 429,
  body: {
    error: { type: 'usage_limit_reached', message: 'The usage limit has been reached', resets_in_seconds: 3000 },
  },
}
const isOne = ({ headers }: RecordedRequest) => headers['chatgpt-account-id'] === 'acct-one'
const accountsOf = ({ simulator }: Running) => simulator.requests.map(({ headers }) => headers['chatgpt-account-id'])
const chat = (gateway: Running, content: string, more: JsonObject = {}) =>
  gateway.post('/v1/chat/completions', { model: 'gpt-5.5', messages: [{ role: 'user', content }], ...more })

test('round_robin: new conversations go from account to account, and each stays with its own', async () => {
  const gateway = await start('account_strategy: round_robin')
  for (const content of ['first', 'second', 'third', 'second', 'first']) await (await chat(gateway, content)).text()
  expect(accountsOf(gateway)).toEqual(['acct-one', 'acct-two', 'acct-one', 'acct-two', 'acct-one'])
})

test('failover is off unless asked for: the refusal is the answer', async () => {
  const gateway = await start('account_strategy: first')
  gateway.simulator.on(isOne, () => LIMIT)
  expect((await chat(gateway, 'hello')).status).toBe(429)
  expect((await chat(gateway, 'again')).status).toBe(429)
  expect(accountsOf(gateway)).toEqual(['acct-one', 'acct-one'])
})

test.each([true, false])('with failover a limit moves the turn before any output; streamed %s', async (stream) => {
  const gateway = await start('failover: true')
  gateway.simulator.on(isOne, () => LIMIT)
  const answer = await chat(gateway, 'hello', { stream })
  expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('hello')])
  await (await chat(gateway, 'another')).text()
  expect(accountsOf(gateway)).toEqual(['acct-one', 'acct-two', 'acct-two'])
  expect(gateway.logs.filter((line) => line.includes('goes to another one'))).toHaveLength(1)
})

test('with failover an account that cannot sign in is passed over', async () => {
  const gateway = await start('failover: true')
  gateway.simulator.on(isOne, () => ({ status: 401, body: { detail: 'Unauthorized' } }))
  gateway.simulator.answerCall('token', { status: 401, body: { error: { code: 'refresh_token_invalidated' } } })
  expect((await chat(gateway, 'hello')).status).toBe(200)
})

test('once there is output a failure stays with its account', async () => {
  const gateway = await start('failover: true')
  gateway.simulator.on(isOne, () => ({
    stream: [{ text: 'begun' }, { failed: { code: 'rate_limit_exceeded', message: 'slow down' } }],
  }))
  const text = await (await chat(gateway, 'hello', { stream: true })).text()
  expect(text).toContain('begun')
  expect(text).toContain('rate_limit_exceeded')
  expect(accountsOf(gateway)).toEqual(['acct-one'])
})

test('reasoning sealed for one account is never shown to another', async () => {
  const gateway = await start('failover: true')
  const { simulator } = gateway
  simulator.play({
    stream: [
      { item: { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'sealed-for-one' } },
      { text: 'fine' },
      { completed: true },
    ],
  })
  const ask = async (input: unknown): Promise<{ output: JsonObject[] }> =>
    // Our own answer, read as the test needs it.
    (await gateway.post('/v1/responses', { model: 'gpt-5.5', input })).json() as Promise<{ output: JsonObject[] }>
  const question = { type: 'message', role: 'user', content: 'hello' }
  const { output } = await ask([question])
  expect(JSON.stringify(output)).toContain('sealed-for-one')
  const next = [question, ...output, { type: 'message', role: 'user', content: 'go on' }]
  await ask(next)
  simulator.on(isOne, () => LIMIT)
  await ask(next)
  await ask(next)
  const sent = simulator.requests.map(({ bodyBytes }) => bodyBytes.includes('sealed-for-one'))
  expect([accountsOf(gateway), sent]).toEqual([
    ['acct-one', 'acct-one', 'acct-one', 'acct-two', 'acct-two'],
    [false, true, true, false, false],
  ])
})

test('status shows each account; accounts and account exclude each other', async () => {
  const simulator = await useSimulator()
  const home = useHome()
  signIn(home, simulator)
  const env = { OPENAI_API_BASE_URL: simulator.baseUrl }
  const set = (value: string) => ['--set', `backends.openai_codex.${value}`]
  const { status, stdout } = await runCommand(home, ['status', ...set('accounts=[one,two]')], env)
  expect([status, stdout.match(/^openai_codex \(\w+\): \w…@example\.com/gm)]).toEqual([
    0,
    ['openai_codex (one): o…@example.com', 'openai_codex (two): t…@example.com'],
  ])
  const clash = await runCommand(home, ['config', ...set('accounts=[one]'), ...set('account=two')])
  expect([clash.status, clash.stderr]).toEqual([2, expect.stringContaining('accounts: excludes account')])
})
