import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { ScenarioInput } from '../../src/simulator/scenario.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import { useSimulator } from '../support/simulator.ts'

const EMAIL = 'person@example.com'

test('no token and no e-mail is in any log, answer, header or file of a run at trace level', async () => {
  const simulator = await useSimulator({ tokenLifetimeS: 2 })
  const home = mkdtempSync(join(tmpdir(), 'codexway-redaction-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  const codexHome = join(home, '.codex')
  mkdirSync(codexHome)
  simulator.writeAuthFile(codexHome, { opaque: true })
  const gateway = await startGatewayProcess({ simulator, codexHome, home, args: ['--log-level', 'trace'] })
  onTestFinished(() => gateway.kill('SIGKILL'))
  const seen: string[] = []
  const ask = async (path: string, body?: object): Promise<number> => {
    const response = await fetch(gateway.url + path, {
      headers: { 'content-type': 'application/json', authorization: 'Bearer a-client-key-of-its-own' },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    })
    seen.push(JSON.stringify([...response.headers]), await response.text())
    return response.status
  }
  let turns = 0
  const turn = (path: string, stream: boolean) => {
    // Another conversation each time: an open connection would not ask for the token again.
    turns += 1
    const content = `hello ${turns}`
    const body = path.endsWith('completions') ? { messages: [{ role: 'user', content }] } : { input: content }
    return ask(path, { model: 'gpt-5.5', stream, ...body })
  }

  const everyTurn = async () => {
    for (const path of ['/v1/chat/completions', '/v1/responses'])
      for (const stream of [true, false]) await turn(path, stream)
  }
  await everyTurn()
  for (const path of ['/v1/models', '/v1/usage', '/ready', '/health', '/metrics', '/nowhere']) await ask(path)
  // A backend that repeats what it was sent, in every place it can.
  for (const echo of echoes(() => latest(simulator.issuer.tokens))) {
    for (const path of ['/v1/chat/completions', '/v1/responses'])
      for (const stream of [true, false]) {
        simulator.play(echo())
        await turn(path, stream)
      }
  }
  // A refresh for both reasons, and an issuer that repeats the refresh token.
  simulator.issuer.revokeAccessTokens()
  await everyTurn()
  await new Promise((resolve) => setTimeout(resolve, 2100))
  await everyTurn()
  const token = JSON.parse(readFileSync(join(codexHome, 'auth.json'), 'utf8')).tokens.refresh_token
  simulator.answerCall('token', { status: 400, body: { error: { code: token, message: token } } })
  simulator.issuer.revokeAccessTokens()
  expect(await turn('/v1/responses', false)).toBe(401)
  await ask('/ready')
  await gateway.kill()

  const { tokens } = simulator.issuer
  expect(tokens.length).toBeGreaterThan(6)
  const everything = [gateway.output(), ...seen].join('\n')
  expect(gateway.output()).toContain('"level":"info"')
  for (const secret of [...tokens.flatMap(parts), EMAIL, 'a-client-key-of-its-own']) {
    const at = everything.indexOf(secret)
    expect(at === -1 ? '' : everything.slice(Math.max(0, at - 200), at)).toBe('')
  }
  for (const path of filesBelow(home)) {
    const text = readFileSync(path, 'utf8')
    const holds = tokens.some((secret) => parts(secret).some((part) => text.includes(part)))
    if (holds) expect([path, statSync(path).mode & 0o777]).toEqual([join(codexHome, 'auth.json'), 0o600])
  }
})

test('what a broken sign-in file holds is in no log and no answer', async () => {
  const simulator = await useSimulator()
  const home = mkdtempSync(join(tmpdir(), 'codexway-redaction-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  writeFileSync(join(home, 'auth.json'), '{"tokens": {"access_token": "hush-hush-hush" oops}')
  const gateway = await startGatewayProcess({ simulator, codexHome: home, home, args: ['--log-level', 'trace'] })
  const { status, text } = await gateway.chat()
  await gateway.kill()
  expect(status).toBe(401)
  expect(gateway.output() + text).not.toContain('hush')
})

/** The tokens that were given out last. */
function latest(tokens: readonly string[]): string {
  return tokens.slice(-6).join(' ')
}

function echoes(secrets: () => string): (() => ScenarioInput)[] {
  return [
    () => ({
      status: 400,
      body: { error: { message: `no: ${secrets()}`, type: 'x', code: secrets(), param: secrets() } },
    }),
    () => ({ status: 403, body: { detail: `no: ${secrets()}` } }),
    () => ({ status: 500, body: `<html>${secrets()}</html>` }),
    () => ({ status: 200, stream: [{ failed: { code: 'server_error', message: `no: ${secrets()}` } }] }),
    () => ({ status: 200, stream: [{ error: { code: 'server_error', message: `no: ${secrets()}` } }] }),
    () => ({
      status: 200,
      stream: [{ text: 'begun' }, { failed: { code: 'server_error', message: `no: ${secrets()}` } }],
    }),
    () => ({
      status: 200,
      headers: { 'x-request-id': 'fine', 'x-codex-promo-message': secrets(), 'set-cookie': `a=${secrets()}` },
      stream: [{ text: 'fine' }, { completed: true }],
    }),
  ]
}

/** A JWT's parts give as much away as the whole. */
function parts(token: string): string[] {
  const pieces = token.split('.').filter((piece) => piece.length > 40)
  return pieces.length > 1 ? pieces.slice(1) : [token]
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}
