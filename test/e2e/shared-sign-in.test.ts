import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { AuthFileOptions } from '../../src/simulator/issuer.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts'
import { useSimulator } from '../support/simulator.ts'

async function two(
  simulator: Simulator,
  auth: AuthFileOptions,
): Promise<{ codexHome: string; gateways: GatewayProcess[] }> {
  const codexHome = mkdtempSync(join(tmpdir(), 'codexway-shared-'))
  simulator.writeAuthFile(codexHome, auth)
  const gateways = await Promise.all([1, 2].map(() => startGatewayProcess({ simulator, codexHome })))
  onTestFinished(async () => {
    await Promise.all(gateways.map((gateway) => gateway.kill('SIGKILL')))
    rmSync(codexHome, { recursive: true, force: true })
  })
  return { codexHome, gateways }
}

test('A-22: two processes on one file refresh once between them', async () => {
  const simulator = await useSimulator()
  simulator.answerCall('token', { delay_ms: 500 })
  const { codexHome, gateways } = await two(simulator, { expiresInS: -1 })
  const answers = await Promise.all(gateways.flatMap((gateway) => Array.from({ length: 50 }, () => gateway.chat())))
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 100 }, () => 200))
  expect(simulator.countCalls('token')).toBe(1)
  expect(readdirSync(codexHome).sort()).toEqual(['auth.json', 'auth.json.lock', 'auth.lock'])
  expect(statSync(join(codexHome, 'auth.json')).mode & 0o777).toBe(0o600)
  expect(JSON.parse(readFileSync(join(codexHome, 'auth.json'), 'utf8')).tokens).toMatchObject({
    oauth_provenance: { issuer: simulator.url },
    login_owner_id: expect.stringMatching(/^[\w-]{43}$/),
    account_id: 'acct-A',
  })
})

test('a refresh waits until the Codex CLI, which holds its lock, has written what it got', async () => {
  const simulator = await useSimulator()
  const codexHome = mkdtempSync(join(tmpdir(), 'codexway-shared-'))
  const path = simulator.writeAuthFile(codexHome, { expiresInS: -1 })
  const before = readFileSync(path, 'utf8')
  const gateway = await startGatewayProcess({ simulator, codexHome })
  const holder = spawn('flock', [join(codexHome, 'auth.lock'), 'sh', '-c', 'echo held; read line'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(async () => {
    holder.stdin.end()
    await gateway.kill('SIGKILL')
    rmSync(codexHome, { recursive: true, force: true })
  })
  await once(holder.stdout, 'data')
  const answer = gateway.chat()
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect([simulator.countCalls('token'), readFileSync(path, 'utf8')]).toEqual([0, before])
  const theirs = JSON.stringify(simulator.issuer.authFile())
  writeFileSync(path, theirs)
  holder.stdin.write('go\n')
  expect((await answer).status).toBe(200)
  expect([simulator.countCalls('token'), readFileSync(path, 'utf8')]).toEqual([0, theirs])
})

test('a gateway killed between the issuer’s answer and the rename starts again signed in', async () => {
  const simulator = await useSimulator()
  const codexHome = mkdtempSync(join(tmpdir(), 'codexway-shared-'))
  const path = simulator.writeAuthFile(codexHome, { expiresInS: -1 })
  const home = mkdtempSync(join(tmpdir(), 'codexway-shared-home-'))
  // Longer than the CLI's locks are held while the issuer is asked: then whoever waits for them gets them.
  simulator.playToken({ delay_ms: 6000 })
  const first = await startGatewayProcess({ simulator, codexHome, home })
  const lost = first.chat().catch(() => undefined)
  while (simulator.countCalls('token') === 0) await new Promise((resolve) => setTimeout(resolve, 10))
  const holder = spawn('flock', [join(codexHome, 'auth.lock'), 'sh', '-c', 'echo held; read line'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => {
    holder.stdin.end()
    for (const directory of [codexHome, home]) rmSync(directory, { recursive: true, force: true })
  })
  await once(holder.stdout, 'data')
  const isStaged = () =>
    readdirSync(codexHome).some(
      (name) => name.endsWith('.renewed') && readFileSync(join(codexHome, name), 'utf8').endsWith('}\n'),
    )
  while (!isStaged()) await new Promise((resolve) => setTimeout(resolve, 10))
  await first.kill('SIGKILL')
  await lost
  holder.stdin.write('go\n')

  const second = await startGatewayProcess({ simulator, codexHome, home })
  onTestFinished(() => second.kill('SIGKILL'))
  expect((await second.chat()).status).toBe(200)
  expect(simulator.countCalls('token')).toBe(1)
  expect(readdirSync(codexHome).sort()).toEqual(['auth.json', 'auth.json.lock', 'auth.lock'])
  expect(JSON.parse(readFileSync(path, 'utf8')).tokens.refresh_token).toMatch(/^rt_/)
})

test('a sign-in on a read-only mount is renewed in our own store, for every process and the next start', async () => {
  const simulator = await useSimulator()
  const codexHome = mkdtempSync(join(tmpdir(), 'codexway-shared-'))
  const path = simulator.writeAuthFile(codexHome, { expiresInS: -1 })
  const before = readFileSync(path, 'utf8')
  const home = mkdtempSync(join(tmpdir(), 'codexway-shared-home-'))
  const asUser = process.getuid?.() === 0 ? [] : ['-r']
  const wrapper = [
    'unshare',
    ...asUser,
    '-m',
    'sh',
    '-c',
    'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"',
    codexHome,
  ]
  const gateways: GatewayProcess[] = []
  const start = async () => {
    const gateway = await startGatewayProcess({ simulator, codexHome, home, wrapper })
    gateways.push(gateway)
    return gateway
  }
  onTestFinished(async () => {
    await Promise.all(gateways.map((gateway) => gateway.kill('SIGKILL')))
    for (const directory of [codexHome, home]) rmSync(directory, { recursive: true, force: true })
  })
  const pair = await Promise.all([start(), start()])
  expect((await Promise.all(pair.map((gateway) => gateway.chat()))).map(({ status }) => status)).toEqual([200, 200])
  await Promise.all(pair.map((gateway) => gateway.kill('SIGKILL')))
  expect((await (await start()).chat()).status).toBe(200)
  expect([simulator.countCalls('token'), readFileSync(path, 'utf8'), readdirSync(codexHome)]).toEqual([
    1,
    before,
    ['auth.json'],
  ])
})
