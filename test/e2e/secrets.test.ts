import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { ev } from '../../src/simulator/events.ts'
import { atBothDoors, CHAT, RESPONSES } from '../support/doors.ts'
import { type Running, type StartOptions, startGateway } from '../support/gateway.ts'
import { closedPort } from '../support/loopback.ts'
import { serve } from '../support/serve.ts'
import { useSimulator } from '../support/simulator.ts'

const EMAIL = 'person.of.interest@example.com'
const PROMPT = 'the-prompt-nobody-may-log'
const ARGUMENTS = 'the-arguments-nobody-may-log'
const GATEWAY_KEY = 'gateway-key-nobody-may-log'

const SYSTEM = `${PROMPT}-system`
const tools = [{ type: 'function', function: { name: 'look', parameters: { type: 'object', properties: {} } } }]

/** Whatever a case did, neither its log nor its answers may hold these. */
class Hidden {
  readonly #needles = new Set<string>([EMAIL, ARGUMENTS, GATEWAY_KEY])
  readonly #seen: string[] = []

  /** Every string of an auth.json that is a credential, in whole and by its parts. */
  addAuthFile(file: object): void {
    const { tokens, OPENAI_API_KEY: key, personal_access_token: personal } = file as Record<string, unknown>
    const all = [
      key,
      personal,
      ...Object.entries(tokens ?? {}).map(([name, value]) => (/_token$/.test(name) ? value : undefined)),
    ]
    for (const value of all) {
      if (typeof value !== 'string') continue
      this.#needles.add(value)
      const [, payload, signature] = value.split('.')
      if (payload !== undefined && signature !== undefined) this.#needles.add(payload)
    }
  }

  see(text: string): void {
    this.#seen.push(text)
  }

  check(what: string): void {
    const everything = this.#seen.join('\n')
    for (const needle of this.#needles) {
      const at = everything.indexOf(needle)
      expect([what, at < 0 ? 'hidden' : everything.slice(Math.max(0, at - 200), at + 40)]).toEqual([what, 'hidden'])
    }
  }
}

interface Case {
  readonly start?: StartOptions
  /** Before the requests; may rewrite the sign-in. */
  readonly prepare?: (gateway: Running) => void
  readonly status: number
  readonly code?: string
}

const login = { email: EMAIL }
const base = (port: number) => ({ env: { CODEX_REFRESH_TOKEN_URL_OVERRIDE: `http://127.0.0.1:${port}/oauth/token` } })

const cases: Readonly<Record<string, Case>> = {
  'a good answer': { start: { auth: login }, status: 200 },
  'no sign-in': { start: { auth: null }, status: 401, code: 'codex_auth_missing' },
  'a broken sign-in': {
    start: {
      auth: login,
      prepare: ({ authPath }) => writeFileSync(authPath, readFileSync(authPath, 'utf8').slice(0, -30)),
    },
    status: 401,
    code: 'codex_auth_malformed',
  },
  'an empty sign-in': { start: { auth: {} }, status: 401, code: 'codex_auth_missing_token' },
  'an unreadable sign-in': {
    start: {
      auth: login,
      prepare: ({ authPath }) => writeFileSync(authPath, Buffer.from([0xff, 0xfe, 0x00])),
    },
    status: 401,
  },
  'a token refused for good': {
    start: { auth: login },
    prepare: ({ simulator }) => {
      simulator.on(
        () => true,
        () => 'token-invalidated',
      )
    },
    status: 401,
    code: 'codex_auth_rejected',
  },
  'a refresh refused, its token quoted': {
    start: { auth: { ...login, expiresInS: -60 } },
    prepare: ({ simulator, authPath }) => {
      const { tokens } = JSON.parse(readFileSync(authPath, 'utf8'))
      const error = {
        code: 'invalid_grant',
        message: `Bad refresh_token ${tokens.refresh_token} of ${tokens.access_token}`,
      }
      simulator.answerCall('token', { status: 400, body: { error, error_description: tokens.refresh_token } })
    },
    status: 401,
    code: 'codex_auth_expired',
  },
  'a token endpoint that fails': {
    start: { auth: { ...login, expiresInS: -60 } },
    prepare: ({ simulator }) => simulator.answerCall('token', { status: 500, body: 'down' }),
    status: 503,
    code: 'codex_auth_refresh_failed',
  },
  'a refreshed token': { start: { auth: { ...login, expiresInS: -60 } }, status: 200 },
  'a backend that quotes the token': {
    start: { auth: login },
    prepare: ({ simulator }) => {
      simulator.on(
        () => true,
        ({ headers }) => ({
          status: 400,
          body: { detail: `Bad header: ${headers.authorization} (${PROMPT}-not-this)` },
        }),
      )
    },
    status: 400,
  },
  'a backend that quotes a token of no known form': {
    start: { auth: { ...login, opaque: true } },
    prepare: quoteToken,
    status: 400,
  },
  'the same over a WebSocket': {
    start: { auth: { ...login, opaque: true }, simulator: { webSocket: 'accept' } },
    prepare: quoteToken,
    status: 400,
  },
  'a failure event that quotes the token': {
    start: { auth: login },
    prepare: ({ simulator }) => {
      simulator.on(
        () => true,
        ({ headers }) => ({
          chunking: 'whole',
          stream: [ev.created(), ev.failed({ code: 'server_error', message: `Bad ${headers.authorization}` })],
        }),
      )
    },
    status: 502,
    code: 'server_error',
  },
}

for (const [what, { start, prepare, status, code }] of Object.entries(cases)) {
  test(`X-12: nothing secret in logs or answers: ${what}`, async () => {
    const hidden = new Hidden()
    const gateway = await startGateway({ ...start, logLevel: 'trace' })
    const { authPath, url, logs } = gateway
    hidden.addAuthFile(readAuth(authPath))
    prepare?.(gateway)
    for (const { name, path, body } of atBothDoors()) {
      const response = await gateway.post(path, withSecrets(path, body), { authorization: `Bearer ${GATEWAY_KEY}` })
      const text = await response.text()
      expect([name, response.status, code === undefined || text.includes(`"code":"${code}"`)]).toEqual([
        name,
        status,
        true,
      ])
      hidden.see(`${text}\n${JSON.stringify([...response.headers])}`)
    }
    // Not `/api/codex/usage`: its answer is the backend's own, account and all.
    for (const path of ['/ready', '/health', '/v1/usage', '/v1/models'])
      hidden.see(await (await fetch(url + path)).text())
    expect(logs.filter((line) => line.includes('"msg":"request"')).length).toBeGreaterThanOrEqual(4)
    const log = logs.join('')
    hidden.see(log)
    expect(log).not.toContain(PROMPT)
    hidden.addAuthFile(readAuth(authPath))
    hidden.check(what)
  })
}

/** Refuses with the bare token, by status and by event in turn, and so does the usage call. */
function quoteToken({ simulator }: Running): void {
  let asked = 0
  simulator.on(
    () => true,
    ({ headers }) => {
      const token = headers.authorization?.replace('Bearer ', '') ?? ''
      const failed = ev.failed({ code: 'invalid_prompt', message: `Token ${token} is odd` })
      return asked++ % 2 === 0
        ? { status: 400, body: { detail: `Token ${token} is odd` } }
        : { chunking: 'whole', stream: [ev.created(), failed] }
    },
  )
}

/** What the case left of the sign-in; of a broken one, every long word counts. */
function readAuth(path: string): object {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
    return {
      tokens: Object.fromEntries([...text.matchAll(/[\w.-]{30,}/g)].map(([word], index) => [`${index}_token`, word])),
    }
  }
}

/** The request with something to hide in every place a text can be. */
function withSecrets(path: string, body: JsonObject): JsonObject {
  const call = { name: 'look', arguments: JSON.stringify({ at: ARGUMENTS }) }
  return path === CHAT
    ? {
        ...body,
        user: PROMPT,
        tools,
        messages: [
          { role: 'system', content: SYSTEM },
          { role: 'user', content: `${PROMPT}-first` },
          { role: 'assistant', content: null, tool_calls: [{ id: 'call_1', type: 'function', function: call }] },
          { role: 'tool', tool_call_id: 'call_1', content: `${PROMPT}-result` },
          { role: 'user', content: 'Hello' },
        ],
      }
    : {
        ...body,
        instructions: SYSTEM,
        metadata: { note: PROMPT },
        input: [
          { type: 'function_call', call_id: 'call_1', ...call },
          { type: 'function_call_output', call_id: 'call_1', output: `${PROMPT}-result` },
          { role: 'user', content: 'Hello' },
        ],
      }
}

test('X-12: bad requests are refused without their words in the log', async () => {
  const { post, logs } = await startGateway({ auth: login, logLevel: 'trace' })
  for (const body of [
    `{"model":"gpt-5.5","messages":"${PROMPT}"}`,
    `{"model":"gpt-5.5","messages":[{"role":"user","content":"${PROMPT}"`,
    `{"model":"gpt-5.5","messages":[{"role":"${PROMPT}","content":"${PROMPT}"}]}`,
    `{"model":"gpt-5.5","messages":[{"role":"tool","content":"${PROMPT}"}]}`,
    `{"model":"gpt-5.5","input":[{"role":"user","content":"${PROMPT}"},5]}`,
    `{"model":"gpt-5.5","messages":[{"role":"user","content":"${PROMPT}"}],"codex_capabilities":{"prompt_mode":"${PROMPT}"}}`,
    `{"model":"gpt-5.5","messages":[{"role":"user","content":"${PROMPT}"}],"n":3}`,
  ]) {
    for (const path of [CHAT, RESPONSES]) {
      const response = await post(path, body)
      expect([response.status, body]).toEqual([400, body])
    }
  }
  expect(logs.join('')).not.toContain(PROMPT)
})

test('X-12: an unreachable backend or issuer is named without the token', async () => {
  const port = await closedPort()
  const hidden = new Hidden()
  const gateway = await startGateway({ auth: { ...login, expiresInS: -60 }, logLevel: 'trace', ...base(port) })
  hidden.addAuthFile(JSON.parse(readFileSync(gateway.authPath, 'utf8')))
  const response = await gateway.post(CHAT, atBothDoors()[0]?.body)
  expect(response.status).toBe(503)
  hidden.see(await response.text())
  hidden.see(gateway.logs.join(''))
  hidden.check('the issuer is down')
})

test('X-12: the command itself prints the account masked, at every log level', async () => {
  const simulator = await useSimulator({ webSocket: 426 })
  const hidden = new Hidden()
  const file = simulator.issuer.authFile(login)
  hidden.addAuthFile(file)
  const gateway = await serve({
    args: ['--log-level', 'trace'],
    auth: file,
    env: { OPENAI_API_BASE_URL: simulator.baseUrl },
  })
  await (
    await fetch(gateway.url + CHAT, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(atBothDoors(PROMPT)[0]?.body),
    })
  ).text()
  gateway.child.kill('SIGTERM')
  expect(await gateway.ended).toBe(0)
  const { stdout, stderr } = gateway.output()
  expect(stdout).toContain('p…@example.com')
  expect(stderr).toContain('"msg":"request"')
  expect(stderr).not.toContain(PROMPT)
  hidden.see(stdout + stderr)
  hidden.check('serve')
})
