import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { bearersOf, chat, errorOf, refusalOf, sentFor, warningsOf } from '../support/ask.ts'
import { type Running, startGateway } from '../support/gateway.ts'
import { type Answer, listen } from '../support/loopback.ts'

const MINUTE_S = 60
const DAY_MS = 86_400_000
const UNAUTHORIZED = { status: 401, body: { detail: 'Unauthorized' } }

function authIn({ authPath }: Running) {
  return JSON.parse(readFileSync(authPath, 'utf8'))
}

/** A gateway whose token endpoint is `answer`'s; the sign-in has run out. */
async function startWithIssuer(answer: Answer) {
  const issuer = await listen(answer)
  const gateway = await startGateway({
    auth: { expiresInS: -MINUTE_S },
    env: { CODEX_REFRESH_TOKEN_URL_OVERRIDE: `${issuer.url}/oauth/token` },
  })
  return { issuer, gateway }
}

test('A-12: a token with two minutes left is renewed before the backend is asked', async () => {
  const gateway = await startGateway({ auth: { expiresInS: 2 * MINUTE_S } })
  const old = authIn(gateway).tokens
  await sentFor(gateway)
  const fresh = authIn(gateway).tokens
  expect(gateway.simulator.countCalls('token')).toBe(1)
  expect(bearersOf(gateway.simulator)).toEqual([fresh.access_token])
  expect([fresh.access_token === old.access_token, fresh.refresh_token === old.refresh_token]).toEqual([false, false])
  const [call] = gateway.simulator.otherCalls.filter(({ name }) => name === 'token')
  expect(call?.body).toMatchObject({ grant_type: 'refresh_token', refresh_token: old.refresh_token })
})

test('A-13: twenty chats at once with an expired token lead to one renewal', async () => {
  const gateway = await startGateway({ auth: { expiresInS: -MINUTE_S } })
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => chat(gateway, { stream: i % 2 === 0 })))
  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200))
  expect(gateway.simulator.countCalls('token')).toBe(1)
  expect(new Set(bearersOf(gateway.simulator))).toEqual(new Set([authIn(gateway).tokens.access_token]))
})

for (const stream of [false, true]) {
  test(`A-14: after one 401 the token is renewed, the request repeated and the file updated (stream ${stream})`, async () => {
    const gateway = await startGateway({
      prepare: ({ simulator, authPath }) => {
        const file = { ...simulator.issuer.authFile(), note: { of: 'another program' } }
        writeFileSync(authPath, JSON.stringify(file), { mode: 0o644 })
      },
    })
    const old = authIn(gateway)
    gateway.simulator.play(UNAUTHORIZED)
    expect((await chat(gateway, { stream })).status).toBe(200)
    const fresh = authIn(gateway)
    expect(bearersOf(gateway.simulator)).toEqual([old.tokens.access_token, fresh.tokens.access_token])
    expect(gateway.simulator.countCalls('token')).toBe(1)
    expect(fresh).toMatchObject({ note: old.note, auth_mode: 'chatgpt', tokens: { account_id: 'acct-A' } })
    expect(fresh.tokens.oauth_provenance).toEqual(old.tokens.oauth_provenance)
    expect(Date.parse(fresh.last_refresh)).toBeGreaterThanOrEqual(Date.parse(old.last_refresh))
    expect(statSync(gateway.authPath).mode & 0o777).toBe(0o600)
  })

  test(`A-15: a backend that refuses the new token, too, is asked twice and no more (stream ${stream})`, async () => {
    const gateway = await startGateway()
    const body = {
      error: { message: 'Your workspace says no.', type: 'invalid_request_error', code: 'no', param: null },
    }
    gateway.simulator.play({ status: 401, body, repeat: 'always' })
    const error = await errorOf(await chat(gateway, { stream }))
    expect(error).toMatchObject({ status: 401, code: 'codex_auth_rejected', type: 'authentication_error' })
    expect(error.message).toContain('Your workspace says no.')
    expect([gateway.simulator.requests.length, gateway.simulator.countCalls('token')]).toEqual([2, 1])
  })
}

test('A-16: a refresh token refused for good says so, with the issuer’s code and the way out', async () => {
  const gateway = await startGateway()
  gateway.simulator.play(UNAUTHORIZED)
  gateway.simulator.playToken({ status: 400, body: { error: 'invalid_grant' } })
  const error = await errorOf(await chat(gateway))
  expect(error).toMatchObject({ status: 401, code: 'codex_auth_expired', type: 'authentication_error' })
  expect(error.message).toMatch(/invalid_grant.*`codex login`/)
  expect(gateway.simulator.countCalls('token')).toBe(1)
})

test('A-17: where the file cannot be written the new token is used from memory, with one warning', async () => {
  // No temporary file fits beside a name this long, for root neither, to whom no directory is read-only.
  const name = `${'a'.repeat(240)}.json`
  const gateway = await startGateway({
    auth: null,
    env: ({ home }) => ({ OPENAI_CODEX_PATH: join(home, name) }),
    prepare: ({ simulator, home }) =>
      writeFileSync(join(home, name), JSON.stringify(simulator.issuer.authFile({ expiresInS: -MINUTE_S }))),
  })
  const before = readFileSync(join(gateway.home, name), 'utf8')
  for (let i = 0; i < 2; i++) {
    expect((await chat(gateway)).status).toBe(200)
    await delay(i === 0 ? 300 : 0)
  }
  const [first, second] = bearersOf(gateway.simulator)
  expect([second, gateway.simulator.countCalls('token')]).toEqual([first, 1])
  expect(readFileSync(join(gateway.home, name), 'utf8')).toBe(before)
  expect(warningsOf(gateway).map(({ msg }) => msg)).toEqual([expect.stringContaining('used refresh token')])
})

test('A-23: a refresh token that another program used first: its newer tokens are taken from the file', async () => {
  const gateway = await startGateway({ auth: { expiresInS: -MINUTE_S } })
  gateway.simulator.playToken({ status: 401, body: { error: { code: 'refresh_token_reused' } }, delay_ms: 200 })
  const asking = chat(gateway)
  await expect.poll(() => gateway.simulator.countCalls('token')).toBe(1)
  mkdirSync(join(gateway.home, 'new'))
  renameSync(gateway.simulator.writeAuthFile(join(gateway.home, 'new')), gateway.authPath)
  expect((await asking).status).toBe(200)
  expect(bearersOf(gateway.simulator)).toEqual([authIn(gateway).tokens.access_token])
  expect(gateway.simulator.countCalls('token')).toBe(1)
})

test('A-23: without newer tokens in the file it is over', async () => {
  const gateway = await startGateway({ auth: { expiresInS: -MINUTE_S } })
  gateway.simulator.playToken({ status: 401, body: { error: { code: 'refresh_token_reused' } } })
  const error = await errorOf(await chat(gateway))
  expect(error).toMatchObject({ status: 401, code: 'codex_auth_expired' })
  expect(error.message).toContain('refresh_token_reused')
})

test('A-24: a refresh that got no answer is never repeated with the same token', async () => {
  const cut = Promise.withResolvers<void>()
  const { issuer, gateway } = await startWithIssuer(async (_, response) => {
    await cut.promise
    response.destroy()
  })
  await using _closing = issuer
  const impatient = gateway.post(
    '/v1/chat/completions',
    { model: 'gpt-5.5', messages: [{ role: 'user', content: 'Hi' }] },
    {},
    AbortSignal.timeout(300),
  )
  await expect(impatient).rejects.toThrow()
  expect(issuer.requests).toHaveLength(1)
  cut.resolve()
  const error = await refusalOf(gateway)
  expect(error).toMatchObject({ status: 401, code: 'codex_auth_expired' })
  expect(error.message).toContain('may be used up')
  expect([issuer.requests.length, gateway.simulator.requests.length]).toEqual([1, 0])
})

test('A-24: also not when the connection breaks that answered before', async () => {
  const { issuer, gateway } = await startWithIssuer((_, response, index) => {
    // The first answer offers to keep the connection; the second request is read, and may have counted.
    if (index === 0) response.writeHead(500).end('{}')
    else response.destroy()
  })
  await using _closing = issuer
  // The catalogue's fetch got the first answer.
  await expect.poll(() => issuer.requests.length).toBe(1)
  expect(await errorOf(await chat(gateway))).toMatchObject({ status: 503, code: 'codex_auth_refresh_failed' })
  expect(await refusalOf(gateway)).toMatchObject({ status: 401, code: 'codex_auth_expired' })
  expect([issuer.requests.length, issuer.connections()]).toEqual([2, 2])
})

for (const [days, calls] of [
  [9, 1],
  [7, 0],
] as const) {
  test(`A-25: an opaque token last renewed ${days} days ago is renewed ${calls} times`, async () => {
    const gateway = await startGateway({ auth: { opaque: true, lastRefreshMs: Date.now() - days * DAY_MS } })
    const old = authIn(gateway).tokens.access_token
    await sentFor(gateway)
    expect(gateway.simulator.countCalls('token')).toBe(calls)
    expect(bearersOf(gateway.simulator)[0] === old).toBe(calls === 0)
  })
}

test('A-26: a renewal that fails ahead of time fails no request, and is told once', async () => {
  const gateway = await startGateway({
    auth: { expiresInS: 2 * MINUTE_S },
    prepare: ({ simulator }) => {
      simulator.answerCall('token', { status: 500 })
    },
  })
  const old = authIn(gateway).tokens.access_token
  for (let i = 0; i < 2; i++) expect((await chat(gateway)).status).toBe(200)
  expect(bearersOf(gateway.simulator)).toEqual([old, old])
  expect(warningsOf(gateway)).toMatchObject([{ kind: 'codex_auth_refresh_failed' }])
})

test('A-27: with token_refresh never, nothing is renewed and nothing written', async () => {
  const gateway = await startGateway({
    yaml: 'backends: {openai_codex: {token_refresh: never}}',
    auth: { expiresInS: -MINUTE_S },
  })
  const before = [readFileSync(gateway.authPath, 'utf8'), statSync(gateway.authPath).mtimeMs]
  const error = await refusalOf(gateway)
  expect(error).toMatchObject({ status: 401, code: 'codex_auth_expired' })
  expect(error.message).toContain('token_refresh')
  expect(gateway.simulator.countCalls('token')).toBe(0)
  expect([readFileSync(gateway.authPath, 'utf8'), statSync(gateway.authPath).mtimeMs]).toEqual(before)
})

test('a token endpoint that is down while the token has run out is a 503 that names the host', async () => {
  const gateway = await startGateway({ auth: { expiresInS: -MINUTE_S } })
  gateway.simulator.answerCall('token', { status: 503 })
  const error = await errorOf(await chat(gateway))
  expect(error).toMatchObject({ status: 503, code: 'codex_auth_refresh_failed', type: 'authentication_error' })
  expect(error.message).toContain(new URL(gateway.simulator.url).host)
})
