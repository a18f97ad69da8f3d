import { mkdtempSync, rmSync } from 'node:fs'
import { lstat, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer, request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SendError } from '../lib/send-error.ts'
import type { Credential } from '../turn/connector.ts'
import { type CredentialPoolOptions, createCredentialPool } from './credential-pool.ts'
import { type CredentialSourceOptions, createCredentialSource } from './credential-source.ts'
import type { OAuthSend } from './oauth.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
const signal = new AbortController().signal

interface Call {
  url: string
  authorization: string | undefined
  body: Record<string, unknown>
}
type Answer = { status: number; body: unknown } | 'hang' | 'reset'

/** The stand-in issuer T. Unless a test says otherwise it gives `access-N` and `refresh-N` for its N-th call. */
let issuer: Server
let calls: Call[]
let answer: (call: Call) => Answer | Promise<Answer>
let home: string
let path: string
let clockMs: number
let warnings: string[]

beforeEach(async () => {
  calls = []
  warnings = []
  clockMs = Date.now()
  answer = () => renewed(calls.length)
  home = mkdtempSync(join(tmpdir(), 'credentials-'))
  await mkdir(join(home, '.codex'))
  path = join(home, '.codex', 'auth.json')
  issuer = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    const { url = '', headers } = request
    const call = { url, authorization: headers.authorization, body: text === '' ? {} : JSON.parse(text) }
    calls.push(call)
    const reply = await answer(call)
    if (reply === 'hang') return
    if (reply === 'reset') return void request.socket.destroy()
    response.writeHead(reply.status, { 'content-type': 'application/json' })
    response.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body))
  })
  await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve))
})

afterEach(() => {
  issuer.closeAllConnections()
  issuer.close()
  rmSync(home, { recursive: true })
})

describe('finding and reading', () => {
  test('A-05, A-06: without a file every request looks again, and a file that appears is used at once', async () => {
    const source = open()
    expect(await failure(source.current(signal))).toMatchObject({ status: 401, code: 'codex_auth_missing' })
    await write(signIn({ access: 'one' }))
    expect((await source.current(signal)).token).toBe('one')
  })

  test('A-09: a lone API key is for other backends than chatgpt.com', async () => {
    await write({ OPENAI_API_KEY: 'sk-1' })
    const error = await failure(open().current(signal))
    expect(error).toMatchObject({ status: 401, code: 'codex_auth_missing_token' })
    expect(error.message).toContain('API key found, ChatGPT login needed')
    expect(await open({ allowApiKey: true }).current(signal)).toEqual({
      token: 'sk-1',
      kind: 'api_key',
      accountId: undefined,
      isFedramp: false,
    })
  })

  test('a sign-in without an account is used, with one warning', async () => {
    await write({ tokens: { access_token: 'opaque' } })
    const source = open()
    expect((await source.current(signal)).accountId).toBeUndefined()
    await source.current(signal)
    expect(warnings).toHaveLength(1)
  })

  test.each([
    ['A-18: written over in place', () => write(signIn({ access: 'two' }))],
    [
      'A-19: replaced by rename',
      async () => {
        await writeFile(`${path}.new`, JSON.stringify(signIn({ access: 'two' })))
        await rename(`${path}.new`, path)
      },
    ],
  ])('a changed file is noticed by the next request; %s', async (_, change) => {
    await write(signIn({ access: 'one' }))
    const source = open()
    await source.current(signal)
    await change()
    clockMs += 1000
    expect((await source.current(signal)).token).toBe('two')
  })

  test('a symlink pointed elsewhere is noticed by the next request', async () => {
    await writeFile(join(home, 'one.json'), JSON.stringify(signIn({ access: 'one' })))
    await writeFile(join(home, 'two.json'), JSON.stringify(signIn({ access: 'two' })))
    await symlink(join(home, 'one.json'), path)
    const source = open()
    expect((await source.current(signal)).token).toBe('one')
    await rm(path)
    await symlink(join(home, 'two.json'), path)
    clockMs += 1000
    expect((await source.current(signal)).token).toBe('two')
  })

  test('A-20: a file that breaks leaves the last good token in use, with one warning until it is whole again', async () => {
    await write(signIn({ access: 'one' }))
    const source = open()
    await source.current(signal)
    await writeFile(path, '{"tokens": {"access_token": "tw')
    for (let i = 0; i < 3; i++) {
      clockMs += 1000
      expect((await source.current(signal)).token).toBe('one')
    }
    expect(warnings).toHaveLength(1)
    await write(signIn({ access: 'two' }))
    clockMs += 1000
    expect((await source.current(signal)).token).toBe('two')
  })

  test('A-07: a file broken from the start is codex_auth_malformed until it is repaired', async () => {
    await writeFile(path, '{"tokens": nothing}')
    const source = open()
    const error = await failure(source.current(signal))
    expect(error).toMatchObject({ status: 401, code: 'codex_auth_malformed' })
    expect(error.message).toContain('line 1, column 12')
    await write(signIn({ access: 'one' }))
    expect((await source.current(signal)).token).toBe('one')
  })

  test('a file that says it holds no token any more is believed', async () => {
    await write(signIn({ access: 'one' }))
    const source = open()
    await source.current(signal)
    await write({})
    clockMs += 1000
    expect(await failure(source.current(signal))).toMatchObject({ code: 'codex_auth_missing_token' })
  })

  test('a deleted file leaves its token in use until it is refused, with one warning and no refresh', async () => {
    await write(signIn({ access: 'one' }))
    const source = open()
    const credential = await source.current(signal)
    await rm(path)
    for (let i = 0; i < 3; i++) {
      clockMs += 1000
      expect((await source.current(signal)).token).toBe('one')
    }
    expect(warnings).toHaveLength(1)
    expect(await failure(source.renew(credential, signal))).toMatchObject({ code: 'codex_auth_expired' })
    expect(await failure(source.current(signal))).toMatchObject({ code: 'codex_auth_missing' })
    expect(calls).toEqual([])
  })

  test('a deleted file does not hand over to another sign-in while its token is in use', async () => {
    const codexHome = join(home, 'codex-home')
    await mkdir(codexHome)
    await writeFile(join(codexHome, 'auth.json'), JSON.stringify(signIn({ access: 'first' })))
    await write(signIn({ access: 'second' }))
    const source = open({ search: { codexHome, home, platform: 'linux' } })
    const credential = await source.current(signal)
    await rm(join(codexHome, 'auth.json'))
    clockMs += 1000
    expect((await source.current(signal)).token).toBe('first')
    await failure(source.renew(credential, signal))
    expect((await source.current(signal)).token).toBe('second')
  })
})

describe('refreshing ahead of time', () => {
  test('A-12: a token with two minutes left is renewed first, and the file keeps what we do not know', async () => {
    await write({ ...signIn({ expiresInMs: 2 * MINUTE_MS }), future: { kept: true } })
    const credential = await open().current(signal)
    expect(credential).toMatchObject({ token: 'access-1', accountId: 'acct-A' })
    expect(calls.map(({ url, body }) => [url, Object.entries(body)])).toEqual([
      [
        '/oauth/token',
        [
          ['client_id', 'app_EMoamEEZ73f0CkXaXp7hrann'],
          ['grant_type', 'refresh_token'],
          ['refresh_reason', 'proactive_expiry'],
          ['refresh_token', 'refresh-0'],
        ],
      ],
    ])
    expect(await read()).toEqual({
      auth_mode: 'chatgpt',
      OPENAI_API_KEY: null,
      tokens: {
        id_token: 'id-0',
        access_token: 'access-1',
        refresh_token: 'refresh-1',
        account_id: 'acct-A',
        login_owner_id: 'owner',
      },
      last_refresh: new Date(clockMs).toISOString(),
      future: { kept: true },
    })
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(await readdir(join(home, '.codex'))).toEqual(['auth.json'])
  })

  test.each([
    [290_000, 1],
    [310_000, 0],
  ])('with %i ms to go the issuer is asked %i times', async (expiresInMs, count) => {
    await write(signIn({ expiresInMs }))
    await open().current(signal)
    expect(calls).toHaveLength(count)
  })

  test.each([
    [9, 1],
    [7, 0],
  ])('A-25: an opaque token last renewed %i days ago costs %i calls', async (days, count) => {
    await write({ ...signIn({ access: 'opaque' }), last_refresh: new Date(clockMs - days * DAY_MS).toISOString() })
    await open().current(signal)
    expect(calls).toHaveLength(count)
  })

  test('A-13: 20 requests at once share one refresh, also across instances on one file', async () => {
    await write(signIn({ expiresInMs: -MINUTE_MS }))
    await mkdir(join(home, 'other'))
    await symlink(path, join(home, 'other', 'auth.json'))
    const pool = createCredentialPool({ warn, now: () => clockMs })
    const sources = [open({ pool }), open({ pool, search: { codexPath: join(home, 'other'), platform: 'linux' } })]
    const credentials = await Promise.all(Array.from({ length: 20 }, (_, i) => sources[i % 2]?.current(signal)))
    expect(new Set(credentials.map((credential) => credential?.token))).toEqual(new Set(['access-1']))
    expect(calls).toHaveLength(1)
  })

  test('A-26: while the old token is good a failed refresh costs one warning and no request', async () => {
    answer = () => ({ status: 500, body: {} })
    await write(signIn({ access: 'old', expiresInMs: 2 * MINUTE_MS }))
    const source = open()
    const old = (await source.current(signal)).token
    clockMs += 35_000
    expect((await source.current(signal)).token).toBe(old)
    expect([calls.length, warnings.length]).toEqual([2, 1])
    clockMs += 2 * MINUTE_MS
    const error = await failure(source.current(signal))
    expect(error).toMatchObject({ status: 503, code: 'codex_auth_refresh_failed' })
    expect(error.message).toContain(host())
  })

  test('an issuer that cannot be reached is asked again with the same refresh token', async () => {
    await write(signIn({ expiresInMs: -1 }))
    let isDown = true
    const source = open({
      send: (request, abort) =>
        isDown ? Promise.reject(new SendError('refused', { reached: false, host: host() })) : send(request, abort),
    })
    expect(await failure(source.current(signal))).toMatchObject({ status: 503, code: 'codex_auth_refresh_failed' })
    isDown = false
    expect((await source.current(signal)).token).toBe('access-1')
  })

  test('A-27: with token_refresh never the issuer is not asked and the file not written', async () => {
    await write(signIn({ expiresInMs: -1 }))
    const before = await read()
    const source = open({ tokenRefresh: 'never' })
    expect(await failure(source.current(signal))).toMatchObject({ status: 401, code: 'codex_auth_expired' })
    expect([calls, await read()]).toEqual([[], before])
    await write(signIn({ access: 'again' }))
    clockMs += 1000
    const credential = await source.current(signal)
    expect(await failure(source.renew(credential, signal))).toMatchObject({ code: 'codex_auth_expired' })
  })

  test('a token that nothing can renew is used until it expires', async () => {
    const json = signIn({ expiresInMs: 2 * MINUTE_MS })
    await write({ ...json, tokens: { ...json.tokens, refresh_token: undefined } })
    const source = open()
    expect((await source.current(signal)).kind).toBe('chatgpt')
    clockMs += 3 * MINUTE_MS
    const error = await failure(source.current(signal))
    expect(error).toMatchObject({ status: 401, code: 'codex_auth_expired' })
    expect(error.message).toContain('`codex login`')
  })

  test('A-24: a refresh token whose fate is unknown is not sent again, unless the file shows another', async () => {
    answer = (call) => (call.body.refresh_token === 'refresh-0' ? 'hang' : renewed(7))
    await write(signIn({ expiresInMs: -1 }))
    const source = open({}, { refreshTimeoutMs: 50 })
    expect(await failure(source.current(signal))).toMatchObject({ status: 503, code: 'codex_auth_refresh_failed' })
    expect(await failure(source.current(signal))).toMatchObject({ status: 401, code: 'codex_auth_expired' })
    expect(calls).toHaveLength(1)
    const json = signIn({ expiresInMs: -2 })
    await write({ ...json, tokens: { ...json.tokens, refresh_token: 'refresh-9' } })
    clockMs += 1000
    expect((await source.current(signal)).token).toBe('access-7')
  })

  test.each(['reset' as const, { status: 200, body: '<html>' }])(
    'A-24: an answer of %j leaves the fate open for as long as a request can last',
    async (reply) => {
      answer = () => reply
      await write(signIn({ expiresInMs: -1 }))
      const source = open()
      expect(await failure(source.current(signal))).toMatchObject({ code: 'codex_auth_refresh_failed' })
      clockMs += 10 * MINUTE_MS
      await failure(source.current(signal))
      expect(calls).toHaveLength(1)
      answer = () => renewed(1)
      clockMs += 2 * MINUTE_MS
      expect((await source.current(signal)).token).toBe('access-1')
    },
  )

  test('a request that leaves does not take the refresh with it', async () => {
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    answer = () => held.then(() => renewed(1))
    await write(signIn({ expiresInMs: -1 }))
    const pool = createCredentialPool({ warn, now: () => clockMs })
    const leaving = new AbortController()
    const left = open({ pool }).current(leaving.signal)
    while (calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    leaving.abort(new Error('left'))
    await expect(left).rejects.toThrow('left')
    release()
    await pool.idle()
    expect((await read()).tokens).toMatchObject({ refresh_token: 'refresh-1' })
  })
})

describe('writing', () => {
  test('A-17: tokens that cannot be written are used from memory, with one warning', async () => {
    await write(signIn({ expiresInMs: -1 }))
    const denied = () => Promise.reject(Object.assign(new Error('denied'), { code: 'EACCES' }))
    const source = open({}, { stageFile: denied })
    expect((await source.current(signal)).token).toBe('access-1')
    clockMs += 60_000
    await writeFile(path, `${await readFile(path, 'utf8')}\n`) // Changed, but still behind us.
    const second = await source.current(signal)
    expect([second.token, calls.length, warnings]).toEqual([
      'access-1',
      1,
      [expect.stringContaining('used refresh token')],
    ])
    // The next refresh goes on from memory, and what the issuer leaves out stays.
    answer = () => ({ status: 200, body: { access_token: 'last' } })
    expect((await source.renew(second, signal)).token).toBe('last')
    expect(calls[1]?.body.refresh_token).toBe('refresh-1')
  })

  test('a symlink stays one and its target is replaced', async () => {
    const target = join(home, 'kept.json')
    await writeFile(target, JSON.stringify(signIn({ expiresInMs: -1 })))
    await symlink(target, path)
    await open().current(signal)
    expect((await lstat(path)).isSymbolicLink()).toBe(true)
    expect(JSON.parse(await readFile(target, 'utf8')).tokens.access_token).toBe('access-1')
  })

  test('a file changed meanwhile is left alone: our tokens serve this request, its tokens the next', async () => {
    answer = async () => {
      await write(signIn({ access: 'theirs' }))
      return renewed(1)
    }
    await write(signIn({ expiresInMs: -1 }))
    const source = open()
    expect((await source.current(signal)).token).toBe('access-1')
    expect(await read()).toEqual(signIn({ access: 'theirs' }))
    clockMs += 1000
    expect((await source.current(signal)).token).toBe('theirs')
    expect(calls).toHaveLength(1)
  })

  test('a file that changed without new tokens does not bring the used ones back', async () => {
    const json = signIn({ expiresInMs: -1 })
    answer = async () => {
      await write({ ...json, note: 'mine' })
      return renewed(1)
    }
    await write(json)
    const source = open()
    await source.current(signal)
    clockMs += 1000
    expect((await source.current(signal)).token).toBe('access-1')
    expect([(await read()).note, calls.length]).toEqual(['mine', 1])
  })
})

describe('after the backend refused the token', () => {
  test('A-14: one refresh brings a new one', async () => {
    await write({ ...signIn({ access: 'one' }), future: 1 })
    const source = open()
    const old = await source.current(signal)
    const renewals = await Promise.all(Array.from({ length: 20 }, () => source.renew(old, signal)))
    expect(new Set(renewals.map(({ token }) => token))).toEqual(new Set(['access-1']))
    expect((await source.renew(old, signal)).token).toBe('access-1')
    expect(calls.map(({ body }) => body.refresh_reason)).toEqual(['unauthorized_recovery'])
    expect(await read()).toMatchObject({ tokens: { access_token: 'access-1' }, future: 1 })
  })

  test('another token in the file is tried first, at once', async () => {
    await write(signIn({ access: 'one' }))
    const source = open()
    const old = await source.current(signal)
    await write(signIn({ access: 'two' }))
    expect((await source.renew(old, signal)).token).toBe('two')
    expect(calls).toEqual([])
  })

  test.each([
    [400, { error: 'invalid_grant' }, 'invalid_grant'],
    [401, { error: { code: 'refresh_token_expired' } }, 'refresh_token_expired'],
    [401, { error: { code: 'refresh_token_reused' } }, 'refresh_token_reused'],
    [401, {}, 'HTTP 401'],
  ])('A-16: the issuer’s %i %j is final', async (status, body, code) => {
    answer = () => ({ status, body })
    await write(signIn({ access: 'one' }))
    const source = open()
    const old = await source.current(signal)
    const error = await failure(source.renew(old, signal))
    expect(error).toMatchObject({ status: 401, code: 'codex_auth_expired', type: 'authentication_error' })
    expect(error.message).toContain(code)
    expect(error.message).toContain('`codex login`')
    await failure(source.renew(old, signal))
    expect(calls).toHaveLength(1)
  })

  test('A-23: refresh_token_reused is no harm if the file meanwhile holds a newer token', async () => {
    answer = async () => {
      await write(signIn({ access: 'newer' }))
      return { status: 401, body: { error: { code: 'refresh_token_reused' } } }
    }
    await write(signIn({ expiresInMs: -1 }))
    expect((await open().current(signal)).token).toBe('newer')
    expect(calls).toHaveLength(1)
  })

  test('an issuer in trouble is a 503 naming its host', async () => {
    answer = () => ({ status: 502, body: '' })
    await write(signIn({ access: 'one' }))
    const source = open()
    const error = await failure(source.renew(await source.current(signal), signal))
    expect(error).toMatchObject({ status: 503, code: 'codex_auth_refresh_failed' })
    expect(error.message).toContain(host())
  })
})

describe('personal access tokens', () => {
  beforeEach(() => write({ OPENAI_API_KEY: null, personal_access_token: 'at-1' }))
  const identity = {
    email: 'fake@example.com',
    chatgpt_account_id: 'acct-P',
    chatgpt_plan_type: 'pro',
    chatgpt_account_is_fedramp: true,
  }

  test('A-30: whoami names the account, once; the token endpoint is never called', async () => {
    answer = () => ({ status: 200, body: identity })
    const source = open()
    const expected: Credential = { token: 'at-1', kind: 'personal_access_token', accountId: 'acct-P', isFedramp: true }
    expect(await Promise.all([source.current(signal), source.current(signal)])).toEqual([expected, expected])
    expect(await source.current(signal)).toEqual(expected)
    expect(calls).toEqual([
      { url: '/api/accounts/v1/user-auth-credential/whoami', authorization: 'Bearer at-1', body: {} },
    ])
    expect(await failure(source.renew(expected, signal))).toMatchObject({ code: 'codex_auth_expired' })
    expect(calls).toHaveLength(1)
    expect(await source.describe()).toMatchObject({ state: 'ready', email: 'f…@example.com', plan: 'pro' })
  })

  test('a failed whoami is asked again', async () => {
    answer = () => ({ status: 500, body: '' })
    const source = open()
    expect(await failure(source.current(signal))).toMatchObject({ status: 503, code: 'codex_auth_refresh_failed' })
    answer = () => ({ status: 401, body: {} })
    expect(await failure(source.current(signal))).toMatchObject({ status: 401, code: 'codex_auth_expired' })
    answer = () => ({ status: 200, body: identity })
    expect((await source.current(signal)).accountId).toBe('acct-P')
  })
})

describe('what can be said of a sign-in', () => {
  test('an expired one is ready while it can be renewed', async () => {
    await write(signIn({ expiresInMs: -1 }))
    expect((await open().describe()).state).toBe('ready')
    expect(await open({ tokenRefresh: 'never' }).describe()).toMatchObject({
      state: 'expired',
      nextStep: expect.stringContaining('`codex login`'),
    })
    expect(calls).toEqual([])
  })

  test.each([
    ['missing', undefined],
    ['malformed', '{'],
    ['unusable', '{}'],
    ['unusable', '{"OPENAI_API_KEY":"sk-1"}'],
  ])('%s: %s', async (state, text) => {
    if (text !== undefined) await writeFile(path, text)
    expect(await open().describe()).toMatchObject({ state, path, searched: [path], nextStep: expect.any(String) })
  })
})

function open(options: Partial<CredentialSourceOptions> = {}, pool: Partial<CredentialPoolOptions> = {}) {
  return createCredentialSource({
    search: { home, platform: 'linux' },
    tokenRefresh: 'auto',
    allowApiKey: false,
    oauthIssuer: `http://${host()}`,
    userAgent: 'test/1',
    originator: 'test',
    send,
    warn,
    now: () => clockMs,
    pool: createCredentialPool({ warn, now: () => clockMs, ...pool }),
    ...options,
  })
}

function warn(fields: object, message: string): void {
  expect(JSON.stringify(fields)).not.toMatch(/access-|refresh-\d|opaque/)
  warnings.push(message)
}

function host(): string {
  return `127.0.0.1:${(issuer.address() as AddressInfo).port}`
}

const send: OAuthSend = ({ method, url, headers, body }, abort) =>
  new Promise((resolve, reject) => {
    const fail = (cause: unknown) => reject(new SendError('no answer', { reached: true, host: host(), cause }))
    const request = httpRequest(url, { method, headers, signal: abort }, async (response) => {
      const chunks: Buffer[] = []
      for await (const chunk of response) chunks.push(chunk)
      resolve({ status: response.statusCode ?? 0, headers: {}, bodyText: Buffer.concat(chunks).toString() })
    })
    request.once('error', fail)
    request.end(body)
  })

function renewed(count: number): Answer {
  return {
    status: 200,
    body: { access_token: `access-${count}`, refresh_token: `refresh-${count}`, expires_in: 864_000 },
  }
}

function signIn({ access, expiresInMs }: { access?: string; expiresInMs?: number }) {
  const exp = Math.floor((clockMs + (expiresInMs ?? DAY_MS)) / 1000)
  return {
    auth_mode: 'chatgpt',
    OPENAI_API_KEY: null,
    tokens: {
      id_token: 'id-0',
      access_token: expiresInMs === undefined && access !== undefined ? access : jwt({ exp }),
      refresh_token: 'refresh-0',
      account_id: 'acct-A',
      login_owner_id: 'owner',
    },
  }
}

function jwt(payload: object): string {
  return ['{}', JSON.stringify(payload), 'signature'].map((part) => Buffer.from(part).toString('base64url')).join('.')
}

async function write(json: object): Promise<void> {
  await writeFile(path, JSON.stringify(json))
}

async function read(): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(path, 'utf8'))
}

async function failure(promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.catch((error: unknown) => error)
  return outcome instanceof Error ? outcome : Promise.reject(new Error('nothing was thrown'))
}
