import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { AuthFileOptions } from '../../src/simulator/issuer.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import { runCommand, useHome } from '../support/command.ts'
import { closedPort, listen } from '../support/loopback.ts'
import { useSimulator } from '../support/simulator.ts'

interface Setting {
  readonly auth?: AuthFileOptions | string | null
  readonly env?: Readonly<Record<string, string>>
  readonly yaml?: string
  readonly prepare?: (home: string, simulator: Simulator) => void
}

/** `codexway doctor` against a simulator: its exit status and lines, which must hold no token and no whole address. */
async function doctor(setting: Setting = {}) {
  const simulator = await useSimulator({ webSocket: 426 })
  const home = useHome()
  mkdirSync(join(home, '.codex'))
  const path = join(home, '.codex', 'auth.json')
  const { auth = {} } = setting
  if (typeof auth === 'string') writeFileSync(path, auth)
  else if (auth !== null) simulator.writeAuthFile(join(home, '.codex'), auth)
  if (setting.yaml !== undefined) writeFileSync(join(home, 'config.yaml'), setting.yaml)
  setting.prepare?.(home, simulator)
  const secrets = auth === null || typeof auth === 'string' ? [] : secretsIn(path)
  const { status, stdout, stderr } = await runCommand(home, ['doctor'], {
    OPENAI_API_BASE_URL: simulator.baseUrl,
    CODEX_REFRESH_TOKEN_URL_OVERRIDE: `${simulator.url}/oauth/token`,
    XDG_CACHE_HOME: join(home, 'cache'),
    ...setting.env,
  })
  for (const secret of [...secrets, 'person@example.com']) expect(stdout + stderr).not.toContain(secret)
  const lines = stdout.trimEnd().split('\n')
  return { status, stdout, stderr, lines, simulator, path, host: new URL(simulator.url).host, home }
}

function secretsIn(path: string): string[] {
  const { access_token: access, refresh_token: refresh, id_token: id } = JSON.parse(readFileSync(path, 'utf8')).tokens
  return [access, refresh, id]
}

/** `verdict about` of each line. */
function verdicts(lines: readonly string[]): string[] {
  return lines.map((line) => /^(\w+ +[^:]+):/.exec(line)?.[1]?.replace(/ +/, ' ') ?? line)
}

test('A-36, §3.6: doctor tells configuration, file, expiry, backend, issuer and catalogue, one line each', async () => {
  const { status, lines, stderr, path, host, simulator } = await doctor()
  expect([status, stderr]).toEqual([0, ''])
  expect(lines).toEqual([
    'ok    configuration: no file, defaults',
    `ok    openai_codex sign-in: ${path} (p…@example.com, plus)`,
    expect.stringMatching(/^ok {4}openai_codex token: valid until \d{4}-\d\d-\d\dT[\d:.]+Z$/),
    `ok    openai_codex backend: ${host} answers and takes the token`,
    `ok    openai_codex issuer: ${host} answers`,
    'ok    openai_codex catalogue: 4 models, fetched just now',
  ])
  expect(simulator.requests).toEqual([])
})

test('A-36: without a sign-in it lists each path tried and the next step; the rest is still checked', async () => {
  const { status, lines, home, path, simulator } = await doctor({ auth: null, env: { CODEX_HOME: '/nowhere/codex' } })
  expect(status).toBe(1)
  expect(verdicts(lines)).toEqual([
    'ok configuration',
    'FAIL openai_codex sign-in',
    'skip openai_codex token',
    'ok openai_codex backend',
    'ok openai_codex issuer',
    'skip openai_codex catalogue',
  ])
  for (const part of [join('/nowhere/codex', 'auth.json'), path, 'Run `codex login`']) expect(lines[1]).toContain(part)
  expect(lines[5]).toContain('built-in')
  expect(home).toBe(join(path, '..', '..'))
  expect(simulator.countCalls('models')).toBe(0)
})

test('A-36: a sign-in that is no JSON is told by line and column, without its content', async () => {
  const { status, lines, stdout } = await doctor({ auth: '{"tokens": secret-content}' })
  expect(status).toBe(1)
  expect(lines[1]).toMatch(/^FAIL {2}openai_codex sign-in: .*line 1, column \d+.*`codex login`/)
  expect(stdout).not.toContain('secret-content')
})

test('§3.6: a token that has run out is renewed as a request would, and shown with its new expiry', async () => {
  const { status, lines, simulator, path } = await doctor({ auth: { expiresInS: -60 } })
  expect([status, simulator.calls.filter((call) => call === 'POST /oauth/token').length]).toEqual([0, 1])
  const until = Date.parse(/valid until (\S+)/.exec(lines[2] ?? '')?.[1] ?? '')
  expect(until).toBeGreaterThan(Date.now())
  for (const secret of secretsIn(path)) expect(lines.join('\n')).not.toContain(secret)
})

test('§3.6: one that cannot be renewed fails its own line, with the way out', async () => {
  const refused = await doctor({
    auth: { expiresInS: -60 },
    prepare: (_home, simulator) => simulator.answerCall('token', { status: 400, body: { error: 'invalid_grant' } }),
  })
  expect(refused.status).toBe(1)
  expect(refused.lines[2]).toMatch(/^FAIL {2}openai_codex token: .*invalid_grant.*`codex login`/)
  const never = await doctor({ auth: { expiresInS: -60 }, yaml: 'backends: {openai_codex: {token_refresh: never}}' })
  expect(never.status).toBe(1)
  expect(never.lines[2]).toMatch(/^FAIL {2}openai_codex token: .*token_refresh.*`codex login`/)
})

test('§3.6: a backend nobody listens at fails, with the next step', async () => {
  const port = await closedPort()
  const { status, lines } = await doctor({ env: { OPENAI_API_BASE_URL: `http://127.0.0.1:${port}/v1` } })
  expect(status).toBe(1)
  expect(lines[3]).toMatch(new RegExp(`^FAIL {2}openai_codex backend: 127\\.0\\.0\\.1:${port} .* — next: .*base_url`))
  expect(verdicts(lines)[5]).toBe('FAIL openai_codex catalogue')
})

test('§3.6: a backend that refuses the sign-in fails, with the way out', async () => {
  const { status, lines } = await doctor({
    prepare: (_home, simulator) => simulator.answerCall('usage', { status: 401, body: { detail: 'Unauthorized' } }),
  })
  expect(status).toBe(1)
  expect(lines[3]).toMatch(/^FAIL {2}openai_codex backend: .*Unauthorized.* — next: run `codex login`$/)
})

test('§3.6: an issuer nobody listens at, or that is ill, fails, with the next step', async () => {
  const port = await closedPort()
  const down = await doctor({ env: { CODEX_REFRESH_TOKEN_URL_OVERRIDE: `http://127.0.0.1:${port}/oauth/token` } })
  expect(down.status).toBe(1)
  expect(verdicts(down.lines).filter((line) => !line.startsWith('ok'))).toEqual(['FAIL openai_codex issuer'])
  expect(down.lines[4]).toMatch(new RegExp(`127\\.0\\.0\\.1:${port} .* — next: .*oauth_issuer`))

  await using issuer = await listen((_, response) => void response.writeHead(503).end())
  const ill = await doctor({ env: { CODEX_REFRESH_TOKEN_URL_OVERRIDE: `${issuer.url}/oauth/token` } })
  expect(ill.status).toBe(1)
  expect(ill.lines[4]).toContain(`${issuer.host} answers HTTP 503`)
  // It is asked without anything that could be used up or stolen.
  const [{ method, headers, body } = { method: '', headers: {}, body: '' }] = issuer.requests
  expect([method, headers.authorization, body.length]).toEqual(['GET', undefined, 0])
})

test('§3.6: the issuer is the one the sign-in is renewed at', async () => {
  await using issuer = await listen((_, response) => void response.writeHead(404).end())
  const { lines } = await doctor({
    yaml: `backends: {openai_codex: {oauth_issuer: "${issuer.url}"}}`,
    env: { CODEX_REFRESH_TOKEN_URL_OVERRIDE: '' },
  })
  expect(lines[4]).toBe(`ok    openai_codex issuer: ${issuer.host} answers`)
  expect(issuer.requests[0]?.url).toBe('/oauth/token')
})

test('§3.6: a list that is not to be had fails with the age of the one kept', async () => {
  const fetchedAt = new Date(Date.now() - 3 * 86_400_000).toISOString()
  const { status, lines } = await doctor({
    prepare: (home, simulator) => {
      simulator.answerCall('models', { status: 500 })
      const models = [{ slug: 'gpt-kept' }]
      const file = { fetched_at: fetchedAt, etag: null, client_version: '0.1.0', models }
      writeFileSync(join(home, '.codex', 'models_cache.json'), JSON.stringify(file))
    },
  })
  expect(status).toBe(1)
  expect(lines[5]).toMatch(/^FAIL {2}openai_codex catalogue: 1 models \(cli-cache, fetched 3 days ago\).* — next: /)
})

test('A-36: every backend is checked, and configuration faults end it at once', async () => {
  const several = await doctor({
    yaml: 'default_backend: a\nbackends: {a: {type: openai-codex}, b: {type: openai-codex, codex_path: /nowhere}}',
  })
  expect(several.status).toBe(1)
  expect(verdicts(several.lines).filter((line) => line.endsWith('sign-in'))).toEqual(['ok a sign-in', 'FAIL b sign-in'])
  const broken = await doctor({ yaml: 'backends: {openai_codex: {timeout: 0}}' })
  expect([broken.status, broken.stdout]).toEqual([2, ''])
  expect(broken.stderr).toContain('timeout')
})
