import { open, readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { toSearchPaths } from '../../src/accounts/auth-search.ts'
import { toPaths } from '../../src/config/paths.ts'
import { writeFileAtomically } from '../../src/lib/atomic-write.ts'
import type { JsonObject } from '../../src/lib/json.ts'
import { ev, SAMPLE_USAGE } from '../../src/simulator/events.ts'
import { atBothDoors, CHAT, RESPONSES, readError } from '../support/doors.ts'
import { startGateway } from '../support/gateway.ts'
import { type Served, serve } from '../support/serve.ts'
import { useSimulator } from '../support/simulator.ts'

const chat = { model: 'gpt-5.5', messages: [{ role: 'user', content: 'Hello' }] }

/** The log lines of finished requests, oldest first. */
function requestLines(logs: readonly string[]): JsonObject[] {
  return logs.map((line): JsonObject => JSON.parse(line)).filter(({ msg }) => msg === 'request')
}

test('O-02: a configuration file with Windows line ends and a byte order mark works', async () => {
  const yaml = [
    '\ufeffmodel_aliases:',
    '  my-model: gpt-5.5',
    'backends:',
    '  openai_codex:',
    '    timeout: 60',
    '    extra:',
    '      codex:',
    '        prompt:',
    '          template: |',
    '            One',
    '            Two',
    '',
  ].join('\r\n')
  const { post, simulator } = await startGateway({ yaml })
  expect((await post(CHAT, { ...chat, model: 'my-model' })).status).toBe(200)
  expect(simulator.onlyRequest().body).toMatchObject({ model: 'gpt-5.5', instructions: 'One\nTwo\n' })
})

test('O-02: a sign-in saved by a Windows editor works', async () => {
  const { post, authPath, simulator } = await startGateway({ auth: null })
  const text = JSON.stringify(simulator.issuer.authFile(), undefined, 2).replaceAll('\n', '\r\n')
  await writeFileAtomically(authPath, `\ufeff${text}`)
  expect((await post(CHAT, chat)).status).toBe(200)
})

test('O-02: paths are joined as Windows joins them', () => {
  const home = 'C:\\Users\\Ann'
  const search = { home: undefined, userProfile: home, platform: 'win32' }
  expect(toSearchPaths(search)).toEqual(['C:\\Users\\Ann\\.codex\\auth.json'])
  expect(toSearchPaths({ ...search, openaiCodexPath: 'D:\\codex' })).toEqual(['D:\\codex\\auth.json'])
  expect(toSearchPaths({ ...search, openaiCodexPath: '~\\other\\Auth.JSON' })).toEqual([
    'C:\\Users\\Ann\\other\\Auth.JSON',
  ])
  expect(toSearchPaths({ ...search, codexHome: 'E:/c' })).toEqual([
    'E:\\c\\auth.json',
    'C:\\Users\\Ann\\.codex\\auth.json',
  ])
  const paths = toPaths({ APPDATA: 'C:\\R', LOCALAPPDATA: 'C:\\L' }, home, 'win32')
  expect(Object.values(paths).every((path) => /^C:\\[RL]/.test(path))).toBe(true)
})

test('O-02: a refreshed token replaces an auth.json that another program holds open', async () => {
  const { post, authPath, simulator } = await startGateway({ auth: { expiresInS: -60 } })
  const before = await readFile(authPath, 'utf8')
  const held = await open(authPath, 'r+')
  try {
    expect((await post(CHAT, chat)).status).toBe(200)
    const after = JSON.parse(await readFile(authPath, 'utf8'))
    expect(after.tokens.access_token).not.toBe(JSON.parse(before).tokens.access_token)
    expect(await held.readFile('utf8')).toBe(before)
  } finally {
    await held.close()
  }
  expect(simulator.countCalls('token')).toBe(1)
  // What Windows says while the file is open is waited out.
  let refusals = 0
  await writeFileAtomically(authPath, before, {
    platform: 'win32',
    rename: async (from, to) => {
      if (refusals++ < 3) throw Object.assign(new Error('held open'), { code: 'EPERM' })
      const { rename } = await import('node:fs/promises')
      await rename(from, to)
    },
  })
  expect([refusals, await readFile(authPath, 'utf8')]).toEqual([4, before])
})

test('O-03: on localhost it is reachable over 127.0.0.1, and the printed address works', async () => {
  const simulator = await useSimulator({ webSocket: 426 })
  const gateway = await serve({
    args: ['--host', 'localhost'],
    auth: simulator.issuer.authFile(),
    env: { OPENAI_API_BASE_URL: simulator.baseUrl },
  })
  const printed = await printedUrl(gateway)
  const { port } = new URL(gateway.url)
  const hosts = [printed, `http://127.0.0.1:${port}`, `http://localhost:${port}`]
  if (await hasIpv6()) hosts.push(`http://[::1]:${port}`)
  for (const host of hosts) expect([host, (await fetch(`${host}/health`)).status]).toEqual([host, 200])
})

test('O-03: on all addresses the printed one is one a client can use', async () => {
  const gateway = await serve({
    args: ['--host', '0.0.0.0', '--log-level', 'info'],
    env: { CODEXWAY_API_KEYS: 'some-key' },
  })
  const printed = await printedUrl(gateway)
  expect(new URL(printed).hostname).toBe('127.0.0.1')
  expect((await fetch(`${printed}/health`)).status).toBe(200)
  expect((await fetch(`${printed}/v1/models`)).status).toBe(401)
  expect((await fetch(`${printed}/v1/models`, { headers: { 'x-api-key': 'some-key' } })).status).toBe(200)
})

/** From the line for people; a pipe may be behind the ready file. */
async function printedUrl(gateway: Served): Promise<string> {
  const find = () => /ready at (\S+)\/v1/.exec(gateway.output().stdout)?.[1]
  await expect.poll(find).toBeDefined()
  return find() ?? ''
}

function hasIpv6(): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(0, '::1', () => server.close(() => resolve(true)))
  })
}

test('O-08: each request’s log line shows its tokens and how many of them were cached', async () => {
  const { post, simulator, logs } = await startGateway()
  for (const { path, body } of atBothDoors()) {
    simulator.play({
      headers: { 'x-request-id': 'up-7' },
      stream: [{ created: true }, { text: 'Hi' }, { completed: { usage: SAMPLE_USAGE } }],
    })
    await (await post(path, body, { 'user-agent': 'opencode/1.2.3' })).text()
  }
  await expect.poll(() => requestLines(logs).length).toBe(4)
  expect(requestLines(logs)).toEqual(
    atBothDoors().map(({ path, body }) =>
      expect.objectContaining({
        level: 'info',
        id: expect.stringMatching(/^req_/),
        family: 'opencode',
        path,
        model: 'gpt-5.5',
        stream: body.stream,
        status: 200,
        ms: expect.any(Number),
        input_tokens: 100,
        cached_tokens: 40,
        cached_ratio: 0.4,
        output_tokens: 20,
        upstream_request_id: 'up-7',
      }),
    ),
  )
})

test('§14: one log line a request, whatever became of it', async () => {
  const { url, post, simulator, logs } = await startGateway()
  const late = [ev.created(), ev.text('x'), { pauseMs: 100 }, ev.failed({ code: 'server_error', message: 'It broke' })]
  simulator.play(
    { status: 400, headers: { 'x-request-id': 'up-400' }, body: { detail: 'No.' } },
    { headers: { 'x-request-id': 'up-late' }, stream: late },
    { headers: { 'x-request-id': 'up-left' }, stream: late.slice(0, 2), end: 'stall' },
  )
  const stream = { ...chat, stream: true }
  await (await post(CHAT, chat)).text()
  await (await post(CHAT, stream)).text()
  const controller = new AbortController()
  const leaving = await post(CHAT, stream, {}, controller.signal)
  await leaving.body?.getReader().read()
  controller.abort()
  await expect.poll(() => requestLines(logs).length).toBe(3)
  await (await post(CHAT, '{')).text()
  await (await fetch(`${url}/health`)).text()
  await expect.poll(() => requestLines(logs).length).toBe(5)
  expect(requestLines(logs)).toMatchObject([
    { status: 400, error: 'upstream_refused', upstream_request_id: 'up-400' },
    { status: 200, error: 'server_error', upstream_request_id: 'up-late' },
    { status: 499, upstream_request_id: 'up-left' },
    { status: 400, error: 'invalid_json' },
    { status: 200, path: '/health' },
  ])
  expect(new Set(requestLines(logs).map(({ id }) => id)).size).toBe(5)
})

test('§14: what was dropped or adjusted is in the log at debug only', async () => {
  const body = { ...chat, temperature: 1, reasoning_effort: 'ultra' }
  for (const logLevel of ['info', 'debug'] as const) {
    const { post, logs } = await startGateway({ logLevel })
    await (await post(CHAT, body)).text()
    await expect.poll(() => requestLines(logs).length).toBe(1)
    const text = logs.join('')
    expect([logLevel, text.includes('temperature'), text.includes('reasoning.effort=xhigh')]).toEqual([
      logLevel,
      logLevel === 'debug',
      logLevel === 'debug',
    ])
  }
})

test('§14: a client’s words do not flood the log or the error', async () => {
  const { post, logs } = await startGateway()
  for (const path of [CHAT, RESPONSES]) {
    const response = await post(path, { ...chat, input: 'Hello', model: `no-such-${'x'.repeat(1_000_000)}` })
    const error = await readError(response)
    expect([response.status, error.message.length < 5000]).toEqual([404, true])
  }
  await expect.poll(() => requestLines(logs).length).toBe(2)
  expect(logs.join('').length).toBeLessThan(20_000)
})
