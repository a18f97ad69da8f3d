import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { TokenOptions } from '../../src/simulator/issuer.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import { runCommand, useHome } from '../support/command.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import { useSimulator } from '../support/simulator.ts'

const store = (home: string) => join(home, '.local', 'state', 'codexway', 'accounts')

function signIn(simulator: Simulator, home: string, name: string, options: TokenOptions = {}): string {
  const directory = name === 'default' ? join(home, '.codex') : join(store(home), name)
  mkdirSync(directory, { recursive: true })
  return simulator.writeAuthFile(directory, options)
}

async function place() {
  const simulator = await useSimulator()
  const home = useHome()
  const issuer = `backends.openai_codex.oauth_issuer=${simulator.url}`
  const run = (...args: string[]) =>
    runCommand(home, [...args, '--set', issuer], { OPENAI_API_BASE_URL: simulator.baseUrl })
  return { simulator, home, run }
}

test('login --account keeps a further sign-in beside the Codex CLI’s', async () => {
  const { simulator, home, run } = await place()
  const cli = signIn(simulator, home, 'default')
  const before = readFileSync(cli, 'utf8')
  simulator.signIn.account = { accountId: 'acct-W', email: 'work@example.com', plan: 'pro' }
  expect((await run('login', '--device', '--account', 'work')).status).toBe(0)
  const path = join(store(home), 'work', 'auth.json')
  expect(JSON.parse(readFileSync(path, 'utf8')).tokens.account_id).toBe('acct-W')
  expect([statSync(path).mode & 0o777, statSync(join(store(home), 'work')).mode & 0o777]).toEqual([0o600, 0o700])
  expect(readFileSync(cli, 'utf8')).toBe(before)

  const { stdout } = await run('accounts', 'list')
  expect(stdout.split('\n')).toEqual([
    expect.stringMatching(/^\* default {2}ready {6}p…@example\.com, plus {2}.*\.codex\/auth\.json$/),
    expect.stringMatching(/^ {2}work {5}ready {6}w…@example\.com, pro {2}.*\/work\/auth\.json$/),
    '',
  ])
  expect(JSON.parse((await run('accounts', 'list', '--json')).stdout)).toMatchObject([
    { name: 'default', chosen: true, state: 'ready' },
    { name: 'work', chosen: false, plan: 'pro' },
  ])
})

test('an instance uses the account it names, else the chosen one, else the Codex CLI’s', async () => {
  const { simulator, home, run } = await place()
  signIn(simulator, home, 'default', { accountId: 'acct-D' })
  signIn(simulator, home, 'work', { accountId: 'acct-W' })
  const used = async (...args: string[]) => {
    simulator.resetState()
    const gateway = await startGatewayProcess({ simulator, codexHome: '', home, args })
    onTestFinished(() => gateway.kill('SIGKILL'))
    expect((await gateway.chat()).status).toBe(200)
    return simulator.onlyRequest().headers['chatgpt-account-id']
  }
  expect(await used()).toBe('acct-D')
  expect(await used('--set', 'backends.openai_codex.account=work')).toBe('acct-W')
  expect((await run('accounts', 'use', 'work')).status).toBe(0)
  expect(await used()).toBe('acct-W')
  expect(await used('--set', 'backends.openai_codex.account=default')).toBe('acct-D')
  expect((await run('accounts', 'use', 'nobody')).stderr).toContain('codexway login --account nobody')
  expect((await run('accounts', 'use', 'default')).status).toBe(0)
  expect(await used()).toBe('acct-D')
})

test('show and test tell of one account, and fail where nobody is signed in', async () => {
  const { simulator, home, run } = await place()
  signIn(simulator, home, 'work', { accountId: 'acct-W' })
  const shown = await run('accounts', 'show', 'work')
  expect([shown.status, shown.stdout]).toEqual([0, expect.stringMatching(/^name: work\n[\s\S]*state: ready/)])
  expect(shown.stdout).not.toMatch(/eyJ|rt_/)
  expect((await run('accounts', 'test', 'work')).stdout).toContain('takes the token (plan plus)')
  expect((await run('accounts', 'show', 'nobody')).status).toBe(1)
  const missing = await run('accounts', 'test', 'nobody')
  expect([missing.status, missing.stderr]).toEqual([1, expect.stringContaining('nobody/auth.json')])
})

test('remove revokes and forgets, and a chosen account is chosen no more', async () => {
  const { simulator, home, run } = await place()
  const path = signIn(simulator, home, 'work')
  const token = JSON.parse(readFileSync(path, 'utf8')).tokens.refresh_token
  await run('accounts', 'use', 'work')
  expect((await run('accounts', 'remove', 'work')).stdout).toBe('Removed: work\n')
  expect([existsSync(path), simulator.issuer.isValidRefreshToken(token), readdirSync(store(home))]).toEqual([
    false,
    false,
    [],
  ])
  expect((await run('accounts', 'remove', 'work')).status).toBe(1)
  expect((await run('accounts', 'remove', 'default')).status).toBe(2)
})

test.each(['../up', 'a/b', '', 'chosen', '.hidden'])('an account cannot be named %j', async (name) => {
  const { run, home } = await place()
  writeFileSync(join(home, 'marker'), '')
  expect((await run('accounts', 'remove', name)).status).toBe(2)
})
