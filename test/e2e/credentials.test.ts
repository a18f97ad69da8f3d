import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { bearersOf, chat, errorOf, refusalOf, sentFor, warningsOf } from '../support/ask.ts'
import { type Ground, startGateway } from '../support/gateway.ts'
import { listen } from '../support/loopback.ts'

const NO_BASE = { OPENAI_API_BASE_URL: undefined }

/** A sign-in in a directory of its own below the test's home; its access token. */
function signInAt({ simulator, home }: Ground, directory: string): string {
  mkdirSync(join(home, directory), { recursive: true })
  return tokenIn(simulator.writeAuthFile(join(home, directory)))
}

function tokenIn(path: string): string {
  return JSON.parse(readFileSync(path, 'utf8')).tokens.access_token
}

for (const path of ['elsewhere', 'elsewhere/auth.json']) {
  test(`A-01: OPENAI_CODEX_PATH=${path} names the sign-in`, async () => {
    let token = ''
    const gateway = await startGateway({
      env: ({ home }) => ({ OPENAI_CODEX_PATH: join(home, path) }),
      prepare: (ground) => {
        token = signInAt(ground, 'elsewhere')
      },
    })
    expect((await chat(gateway)).status).toBe(200)
    expect(bearersOf(gateway.simulator)).toEqual([token])
  })
}

test('A-02: a named directory without a file is an error, never another person’s account', async () => {
  const gateway = await startGateway({ env: ({ home }) => ({ OPENAI_CODEX_PATH: join(home, 'empty') }) })
  const error = await refusalOf(gateway)
  expect(error).toMatchObject({ status: 401, code: 'codex_auth_missing', type: 'authentication_error' })
  expect(error.message).toContain(join(gateway.home, 'empty', 'auth.json'))
  expect(error.message).not.toContain(gateway.authPath)
  expect(gateway.simulator.requests).toEqual([])
})

test('A-03: with nothing but HOME the sign-in below it is used', async () => {
  const gateway = await startGateway()
  await sentFor(gateway)
  expect(bearersOf(gateway.simulator)).toEqual([tokenIn(gateway.authPath)])
})

test('A-04: without HOME the one below USERPROFILE is used', async () => {
  const gateway = await startGateway({ env: ({ home }) => ({ HOME: undefined, USERPROFILE: home }) })
  await sentFor(gateway)
  expect(bearersOf(gateway.simulator)).toEqual([tokenIn(gateway.authPath)])
})

test('A-28: CODEX_HOME comes before the home directory', async () => {
  let token = ''
  const gateway = await startGateway({
    env: ({ home }) => ({ CODEX_HOME: join(home, 'codex') }),
    prepare: (ground) => {
      token = signInAt(ground, 'codex')
    },
  })
  await sentFor(gateway)
  expect(bearersOf(gateway.simulator)).toEqual([token])
})

test('A-05: without a file the message lists every path tried; models and health still answer', async () => {
  const gateway = await startGateway({ auth: null, env: ({ home }) => ({ CODEX_HOME: join(home, 'codex') }) })
  const error = await refusalOf(gateway)
  expect(error).toMatchObject({ status: 401, code: 'codex_auth_missing', param: null })
  for (const part of [join(gateway.home, 'codex', 'auth.json'), gateway.authPath, '`codex login`', 'keyring'])
    expect(error.message).toContain(part)
  for (const path of ['/v1/models', '/health']) expect((await fetch(gateway.url + path)).status).toBe(200)
})

test('A-06: a file written after the start is used without a restart', async () => {
  const gateway = await startGateway({ auth: null })
  expect((await chat(gateway)).status).toBe(401)
  gateway.simulator.writeAuthFile(join(gateway.home, '.codex'))
  await delay(1000)
  expect((await chat(gateway)).status).toBe(200)
})

test('A-07: malformed JSON is told with line and column, and nothing of it shows', async () => {
  const secret = 'sk-very-secret-1234567890'
  const gateway = await startGateway({
    auth: null,
    prepare: ({ authPath }) => writeFileSync(authPath, `{\n  "tokens": {"access_token": "${secret}" oops}\n}`),
  })
  const error = await refusalOf(gateway)
  expect(error).toMatchObject({ status: 401, code: 'codex_auth_malformed' })
  expect(error.message).toContain(gateway.authPath)
  expect(error.message).toMatch(/line 2, column \d+/)
  for (const text of [error.message, gateway.logs.join('')]) expect(text).not.toMatch(/very-secret|oops/)
})

test('A-08: an empty object holds no token', async () => {
  const gateway = await startGateway({ auth: {} })
  const error = await refusalOf(gateway)
  expect(error).toMatchObject({ status: 401, code: 'codex_auth_missing_token' })
  expect(error.message).toContain(gateway.authPath)
  expect(gateway.simulator.requests).toEqual([])
})

test('A-09: a lone API key is not sent to ChatGPT', async () => {
  await using proxy = await listen((_, response) => void response.writeHead(502).end())
  const gateway = await startGateway({
    auth: { OPENAI_API_KEY: 'sk-lone' },
    env: { ...NO_BASE, HTTPS_PROXY: proxy.url },
  })
  const error = await refusalOf(gateway)
  expect(error).toMatchObject({ status: 401, code: 'codex_auth_missing_token' })
  expect(error.message).toContain('API key found, ChatGPT login needed')
  // All that leaves for the default base goes through the proxy.
  expect(proxy.connections()).toBe(0)
})

test('A-09: at another base a lone API key is the bearer', async () => {
  const gateway = await startGateway({
    auth: { OPENAI_API_KEY: 'sk-lone' },
    simulator: { anyToken: true, basePath: '/v1' },
  })
  await sentFor(gateway)
  expect(bearersOf(gateway.simulator)).toEqual(['sk-lone'])
  expect(gateway.simulator.onlyRequest().headers).not.toHaveProperty('chatgpt-account-id')
})

for (const [title, auth] of [
  ['A-10: the file’s account id goes before the token’s', { accountId: 'A', claimAccountId: 'B' }],
  ['A-11: an opaque token is used with the file’s account id', { accountId: 'A', opaque: true }],
] as const) {
  test(title, async () => {
    const gateway = await startGateway({ auth })
    await sentFor(gateway)
    expect(gateway.simulator.onlyRequest().headers['chatgpt-account-id']).toBe('A')
  })
}

test('A-18: a file written over in place is used a second later', async () => {
  const gateway = await startGateway()
  expect((await chat(gateway)).status).toBe(200)
  const token = signInAt(gateway, '.codex')
  await delay(1000)
  expect((await chat(gateway)).status).toBe(200)
  expect(bearersOf(gateway.simulator)[1]).toBe(token)
})

test('A-19: a file renamed over the old one is used a second later', async () => {
  const gateway = await startGateway()
  expect((await chat(gateway)).status).toBe(200)
  const token = signInAt(gateway, 'new')
  renameSync(join(gateway.home, 'new', 'auth.json'), gateway.authPath)
  await delay(1000)
  expect((await chat(gateway)).status).toBe(200)
  expect(bearersOf(gateway.simulator)[1]).toBe(token)
})

test('A-20: a file that breaks after the start leaves the last good token, with one warning in all', async () => {
  const gateway = await startGateway()
  const token = tokenIn(gateway.authPath)
  writeFileSync(gateway.authPath, '{"tokens": {"access_')
  for (let i = 0; i < 3; i++) {
    await delay(i === 0 ? 1000 : 300)
    expect((await chat(gateway)).status).toBe(200)
  }
  expect(bearersOf(gateway.simulator)).toEqual([token, token, token])
  expect(warningsOf(gateway)).toMatchObject([{ reason: 'codex_auth_malformed' }])
})

test('A-20: a file that is deleted after the start leaves the token until it is refused', async () => {
  const gateway = await startGateway()
  await sentFor(gateway)
  rmSync(gateway.authPath)
  await delay(1000)
  expect((await chat(gateway)).status).toBe(200)
  expect(warningsOf(gateway)).toHaveLength(1)
  gateway.simulator.issuer.revokeAccessTokens()
  expect((await chat(gateway)).status).toBe(401)
  expect(gateway.simulator.countCalls('token')).toBe(0)
})

test('A-21: a 403 is passed on; nothing is renewed and the file stays as it is', async () => {
  const gateway = await startGateway()
  const before = [readFileSync(gateway.authPath, 'utf8'), statSync(gateway.authPath).mtimeMs]
  const body = { error: { message: 'Not for you.', type: 'permission', code: null, param: null } }
  gateway.simulator.play({ status: 403, body, repeat: 'always' })
  const error = await refusalOf(gateway)
  expect(error).toMatchObject({
    status: 403,
    code: 'codex_forbidden',
    type: 'permission_error',
    message: 'Not for you.',
  })
  expect(gateway.simulator.countCalls('token')).toBe(0)
  expect([readFileSync(gateway.authPath, 'utf8'), statSync(gateway.authPath).mtimeMs]).toEqual(before)
})

test('A-29: a redirect is never followed', async () => {
  await using other = await listen((_, response) => void response.writeHead(200).end())
  const gateway = await startGateway()
  gateway.simulator.play({ status: 307, headers: { location: `${other.url}/responses` }, body: '', repeat: 'always' })
  expect(await refusalOf(gateway)).toMatchObject({ status: 502, code: 'upstream_redirect' })
  expect(other.connections()).toBe(0)
})

test('A-30: a personal access token is used as it is, with the account its issuer names', async () => {
  let token = ''
  const gateway = await startGateway({
    auth: null,
    yaml: ({ simulator }) => `backends: {openai_codex: {oauth_issuer: "${simulator.url}"}}`,
    prepare: ({ simulator, authPath }) => {
      token = simulator.issuer.issuePersonal({ accountId: 'acct-P' })
      writeFileSync(authPath, JSON.stringify({ personal_access_token: token }))
    },
  })
  for (let i = 0; i < 2; i++) expect((await chat(gateway)).status).toBe(200)
  expect(bearersOf(gateway.simulator)).toEqual([token, token])
  expect(gateway.simulator.requests[0]?.headers['chatgpt-account-id']).toBe('acct-P')
  expect([gateway.simulator.countCalls('whoami'), gateway.simulator.countCalls('token')]).toEqual([1, 0])
  gateway.simulator.issuer.revokeAccessTokens()
  expect(await errorOf(await chat(gateway))).toMatchObject({ status: 401, code: 'codex_auth_expired' })
  expect(gateway.simulator.countCalls('token')).toBe(0)
})
