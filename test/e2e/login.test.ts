import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Simulator } from '../../src/simulator/server.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import { type RunningCommand, startCommand } from '../support/running-command.ts'
import { useSimulator } from '../support/simulator.ts'

interface Place {
  readonly simulator: Simulator
  readonly home: string
  /** Where the sign-in goes. */
  readonly path: string
  login(...args: string[]): RunningCommand
  run(...args: string[]): RunningCommand
}

/** A home with nobody signed in, and an issuer. */
async function place(): Promise<Place> {
  const simulator = await useSimulator()
  const home = mkdtempSync(join(tmpdir(), 'codexway-login-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  const issuer = `backends.openai_codex.oauth_issuer=${simulator.url}`
  const run = (...args: string[]) =>
    startCommand([...args, '--set', issuer], { HOME: home, OPENAI_API_BASE_URL: simulator.baseUrl })
  return {
    simulator,
    home,
    path: join(home, '.codex', 'auth.json'),
    run,
    login: (...args) => run('login', ...args),
  }
}

const ADDRESS = /http:\/\/127\.0\.0\.1:\d+\/oauth\/authorize\?\S+/
const CLI_FORM = {
  auth_mode: 'chatgpt',
  OPENAI_API_KEY: null,
  tokens: {
    id_token: expect.stringMatching(/^eyJ/),
    access_token: expect.stringMatching(/^eyJ/),
    refresh_token: expect.stringMatching(/^rt_/),
    oauth_provenance: { issuer: expect.stringMatching(/^http:/), client_id: 'app_EMoamEEZ73f0CkXaXp7hrann' },
    login_owner_id: expect.stringMatching(/^[\w-]{43}$/),
    account_id: 'acct-A',
  },
  last_refresh: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
}

const read = (path: string) => JSON.parse(readFileSync(path, 'utf8'))

async function expectServes({ simulator, home, path }: Place): Promise<void> {
  const gateway = await startGatewayProcess({ simulator, codexHome: join(path, '..'), home })
  try {
    expect((await gateway.chat()).status).toBe(200)
  } finally {
    await gateway.kill('SIGKILL')
  }
}

test('A-31: a device code signs in, with 403 and 404 meaning "not yet"', async () => {
  const here = await place()
  const { simulator, path } = here
  simulator.playCall('device_token', { status: 403, body: {} }, { status: 404, body: {} })
  const command = here.login('--device')
  const [, code] = await command.until(/\n {4}(\S+)\n/)
  expect(command.output()).toContain(`${simulator.url}/codex/device`)
  expect(await command.ended).toBe(0)
  expect(simulator.otherCalls[1]?.body.user_code).toBe(code)
  expect(simulator.calls).toEqual([
    'POST /api/accounts/deviceauth/usercode',
    ...Array.from({ length: 3 }, () => 'POST /api/accounts/deviceauth/token'),
    'POST /oauth/token',
  ])
  expect(Object.keys(simulator.otherCalls[4]?.body ?? {})).toEqual([
    'grant_type',
    'client_id',
    'code',
    'redirect_uri',
    'code_verifier',
  ])
  expect(read(path)).toEqual(CLI_FORM)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  await expectServes(here)
})

test('A-32: a pasted address signs in without a port and without a browser', async () => {
  const here = await place()
  const [first, second] = [await occupy(1455), await occupy(1457)]
  expect([first.listening, second.listening]).toEqual([true, true])
  const command = here.login('--paste')
  const [address] = await command.until(ADDRESS)
  const final = (await fetch(address, { redirect: 'manual' })).headers.get('location') ?? ''
  command.child.stdin.write('http://127.0.0.1:1455/auth/callback?code=forged&state=forged\n')
  await command.until(/State mismatch/)
  command.child.stdin.write(`  ${final}  \n`)
  expect(await command.ended).toBe(0)
  expect(read(here.path)).toEqual({ ...CLI_FORM, OPENAI_API_KEY: expect.stringMatching(/^sk-/) })
})

test('a browser signs in over the first port; the page shows no token, and the API key is optional', async () => {
  const here = await place()
  here.simulator.signIn.givesApiKey = false
  const command = here.login()
  const [address] = await command.until(ADDRESS)
  const query = new URL(address).searchParams
  expect([...query.keys()]).toEqual([
    'response_type',
    'client_id',
    'redirect_uri',
    'code_challenge',
    'code_challenge_method',
    'state',
    'scope',
    'id_token_add_organizations',
    'codex_cli_simplified_flow',
    'originator',
  ])
  expect(query.get('redirect_uri')).toBe('http://127.0.0.1:1455/auth/callback')
  expect([query.get('state')?.length, query.get('originator')]).toEqual([43, 'codex_cli_rs'])
  const page = await fetch(address)
  expect([page.status, page.url]).toEqual([200, 'http://127.0.0.1:1455/success'])
  expect(await page.text()).toContain('Signed in')
  expect(await command.ended).toBe(0)
  expect(read(here.path)).toEqual(CLI_FORM)
  expect(here.simulator.otherCalls[1]?.body.code_verifier).toMatch(/^[\w-]{86}$/)
  expect(command.output()).not.toMatch(/eyJ|rt_/)
  await expectServes(here)
})

test.each(['127.0.0.1', '[::1]'])(
  'A-33: with port 1455 busy 1457 is used; the browser may return to %s',
  async (host) => {
    const here = await place()
    await occupy(1455)
    const command = here.login()
    const [address] = await command.until(ADDRESS)
    const final = (await fetch(address, { redirect: 'manual' })).headers.get('location') ?? ''
    expect(final).toContain('http://127.0.0.1:1457/auth/callback?')
    expect(await (await fetch(final.replace('127.0.0.1', host))).text()).toContain('Signed in')
    expect(await command.ended).toBe(0)
    expect(read(here.path)).toMatchObject({ auth_mode: 'chatgpt' })
  },
)

test('A-33: with both ports busy the command names the ways without a port', async () => {
  const here = await place()
  await occupy(1455)
  await occupy(1457)
  const command = here.login()
  expect(await command.ended).toBe(1)
  expect(command.output()).toMatch(/1455 and 1457 are taken.*--paste.*--device/)
})

test('a login left running gives way to the next one', async () => {
  const here = await place()
  const first = here.login()
  await first.until(ADDRESS)
  const second = here.login()
  expect(await first.ended).toBe(1)
  expect(first.output()).toContain('Another login took over')
  const [address] = await second.until(ADDRESS)
  expect(new URL(address).searchParams.get('redirect_uri')).toContain(':1455/')
  await fetch(address)
  expect(await second.ended).toBe(0)
})

test('A-34: a return with the wrong state or without a code is explained, and the login goes on waiting', async () => {
  const here = await place()
  const command = here.login()
  const [address] = await command.until(ADDRESS)
  const state = new URL(address).searchParams.get('state') ?? ''
  const callback = 'http://127.0.0.1:1455/auth/callback'
  const pages = await Promise.all(
    [
      `${callback}?code=c&state=wrong`,
      `${callback}?error=access_denied&state=wrong`,
      `${callback}?code=c`,
      `${callback}?state=${state}`,
    ].map(async (url) => {
      const page = await fetch(url)
      return [page.status, /State mismatch|no code/.exec(await page.text())?.[0]]
    }),
  )
  expect(pages).toEqual([
    [400, 'State mismatch'],
    [400, 'State mismatch'],
    [400, 'State mismatch'],
    [400, 'no code'],
  ])
  const elsewhere = await fetch('http://127.0.0.1:1455/cancel', { headers: { 'sec-fetch-site': 'cross-site' } })
  expect([elsewhere.status, existsSync(here.path), here.simulator.calls]).toEqual([403, false, []])
  await fetch(address)
  expect(await command.ended).toBe(0)
})

test.each([
  ['the person says no', ['--no-browser'], denied],
  ['the issuer refuses the code', ['--no-browser'], refusedCode],
  ['the device is refused', ['--device'], refusedDevice],
  ['device codes are not enabled', ['--device'], deviceCodesOff],
  ['the input ends', ['--paste'], endOfInput],
  ['there is nothing to import', ['--import', 'nowhere'], async () => undefined],
  ['the token is refused', ['--with-access-token'], refusedToken],
])('A-35: the old sign-in is untouched when %s', async (_reason, args, fail) => {
  const here = await place()
  const old = JSON.stringify(here.simulator.issuer.authFile())
  mkdirSync(join(here.path, '..'))
  writeFileSync(here.path, old)
  const command = here.login(...args)
  await fail(command, here.simulator)
  expect(await command.ended).toBe(1)
  expect([readFileSync(here.path, 'utf8'), command.output()]).toEqual([old, expect.stringContaining('Sign-in failed')])
})

test('an auth.json from elsewhere is taken over, with a word about its refresh token', async () => {
  const here = await place()
  const other = join(here.home, 'other')
  mkdirSync(other)
  const json = { ...here.simulator.issuer.authFile(), future: 1, last_refresh: undefined }
  writeFileSync(join(other, 'auth.json'), JSON.stringify(json))
  const command = here.login('--import', other)
  expect(await command.ended).toBe(0)
  expect(command.output()).toContain('same refresh token')
  expect(read(here.path)).toEqual({ ...json, last_refresh: expect.any(String) })
  expect(statSync(here.path).mode & 0o777).toBe(0o600)
  await expectServes(here)
})

test('a personal access token is checked and written', async () => {
  const here = await place()
  const token = here.simulator.issuer.issuePersonal()
  const command = here.login('--with-access-token')
  command.child.stdin.end(`${token}\n`)
  expect(await command.ended).toBe(0)
  expect(read(here.path)).toEqual({ OPENAI_API_KEY: null, personal_access_token: token })
  expect(command.output()).not.toContain(token)
})

test('logout revokes the refresh token and removes the file; a second one finds nobody', async () => {
  const here = await place()
  mkdirSync(join(here.path, '..'))
  const token = here.simulator.issuer.issue().refresh_token
  writeFileSync(here.path, JSON.stringify({ tokens: { access_token: 'a', refresh_token: token } }))
  expect(await here.run('logout').ended).toBe(0)
  expect([existsSync(here.path), here.simulator.issuer.isValidRefreshToken(token)]).toEqual([false, false])
  expect(here.simulator.otherCalls.map(({ method, path, name, body }) => ({ method, path, name, body }))).toEqual([
    {
      method: 'POST',
      path: '/oauth/revoke',
      name: 'revoke',
      body: { token, token_type_hint: 'refresh_token', client_id: 'app_EMoamEEZ73f0CkXaXp7hrann' },
    },
  ])
  const again = here.run('logout')
  expect([await again.ended, again.output()]).toEqual([0, expect.stringContaining('Nobody is signed in')])
})

test('logout takes a renewed sign-in with it that never got into its file', async () => {
  const here = await place()
  const { issuer } = here.simulator
  const directory = join(here.path, '..')
  mkdirSync(directory)
  const [used, kept] = [issuer.authFile(), issuer.authFile()]
  const tokenOf = (json: object) => JSON.parse(JSON.stringify(json)).tokens.refresh_token
  writeFileSync(here.path, JSON.stringify(used))
  const name = createHash('sha256').update(tokenOf(used)).digest('hex').slice(0, 24)
  writeFileSync(join(directory, `.auth.json.${name}.0.renewed`), JSON.stringify(kept))
  expect(await here.run('logout').ended).toBe(0)
  expect([issuer.isValidRefreshToken(tokenOf(kept)), readdirSync(directory).sort()]).toEqual([
    false,
    ['auth.json.lock', 'auth.lock'],
  ])
})

test('logout removes the file also when the issuer cannot be told, and says so', async () => {
  const here = await place()
  mkdirSync(join(here.path, '..'))
  here.simulator.answerCall('revoke', { status: 500, body: {} })
  writeFileSync(here.path, JSON.stringify(here.simulator.issuer.authFile()))
  const command = here.run('logout')
  expect([await command.ended, existsSync(here.path)]).toEqual([0, false])
  expect(command.output()).toContain('HTTP 500')
})

/** Something that is no login server holds the port on both families. */
async function occupy(port: number): Promise<Server> {
  const server = createServer((_request, response) => response.writeHead(404).end())
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '::', resolve)
  })
  onTestFinished(() => {
    server.closeAllConnections()
    return new Promise<void>((resolve) => server.close(() => resolve()))
  })
  return server
}

async function denied(command: RunningCommand): Promise<void> {
  const [address] = await command.until(ADDRESS)
  const state = new URL(address).searchParams.get('state') ?? ''
  const page = await fetch(
    `http://127.0.0.1:1455/auth/callback?error=access_denied&error_description=%3Cb%3Eno&state=${state}`,
  )
  expect(await page.text()).toContain('&lt;b>no (access_denied)')
}

async function refusedCode(command: RunningCommand, simulator: Simulator): Promise<void> {
  simulator.playCall('token', { status: 400, body: { error: 'invalid_grant' } })
  const [address] = await command.until(ADDRESS)
  expect(await (await fetch(address)).text()).toContain('invalid_grant')
}

async function refusedDevice(command: RunningCommand, simulator: Simulator): Promise<void> {
  simulator.answerCall('device_token', { status: 400, body: { error: { code: 'expired_token' } } })
  await command.until(/expired_token/)
}

async function deviceCodesOff(command: RunningCommand, simulator: Simulator): Promise<void> {
  simulator.answerCall('device_usercode', { status: 404, body: {} })
  await command.until(/not enabled/)
}

async function endOfInput(command: RunningCommand): Promise<void> {
  await command.until(ADDRESS)
  command.child.stdin.end()
}

async function refusedToken(command: RunningCommand): Promise<void> {
  command.child.stdin.end('at-nobodys-token-1\n')
}

test('CODEX_ACCESS_TOKEN signs in without a file, unless a file is named; a JWT in it is not looked at', async () => {
  const here = await place()
  const { simulator, home } = here
  const token = simulator.issuer.issuePersonal({ accountId: 'acct-P' })
  const serve = async (value: string, extra: Record<string, string> = {}) => {
    const issuer = `backends.openai_codex.oauth_issuer=${simulator.url}`
    const command = startCommand(['serve', '--port', '0', '--set', issuer], {
      HOME: home,
      OPENAI_API_BASE_URL: simulator.baseUrl,
      CODEX_ACCESS_TOKEN: value,
      ...extra,
    })
    const [, url = ''] = await command.until(/ready at (http:\S+)\/v1/)
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'gpt-5.5', messages: [{ role: 'user', content: 'hello' }] }),
    })
    command.child.kill('SIGKILL')
    return answer.status
  }
  expect(await serve(token)).toBe(200)
  expect(simulator.onlyRequest().headers).toMatchObject({
    authorization: `Bearer ${token}`,
    'chatgpt-account-id': 'acct-P',
  })
  expect(await serve(simulator.issuer.issue().access_token)).toBe(401)
  expect(await serve(token, { OPENAI_CODEX_PATH: join(home, 'nobody') })).toBe(401)
})
