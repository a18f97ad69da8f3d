import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type Simulator, startSimulator } from '../../src/simulator/server.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const TLS = join(ROOT, 'test', 'fixtures', 'tls')

/** A proxy that leads every tunnel to one port, whatever host was asked for, and remembers the hosts. */
async function startProxy(port: number) {
  const hosts: string[] = []
  const server = createServer()
  server.on('connect', (request, socket) => {
    hosts.push(request.url ?? '')
    const upstream = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      upstream.pipe(socket)
      socket.pipe(upstream)
    })
    socket.on('error', () => upstream.destroy())
    upstream.on('error', () => socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, hosts }
}

/** The command with its default base URL, whose hosts are the simulator behind the proxy. */
async function startBehindProxy(prepare: (simulator: Simulator) => void = () => {}, transport = 'auto', http2 = false) {
  const tls = { key: readFileSync(join(TLS, 'key.pem'), 'utf8'), cert: readFileSync(join(TLS, 'cert.pem'), 'utf8') }
  const simulator = await startSimulator({ tls, http2 })
  onTestFinished(() => simulator.close())
  prepare(simulator)
  const proxy = await startProxy(Number(new URL(simulator.url).port))
  const home = mkdtempSync(join(tmpdir(), 'codexway-default-'))
  simulator.writeAuthFile(home)
  const ready = join(home, 'ready.json')
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: home,
    CODEX_HOME: home,
    HTTPS_PROXY: proxy.url,
    NODE_EXTRA_CA_CERTS: join(TLS, 'cert.pem'),
  }
  const args = [
    join(ROOT, 'src', 'cli', 'main.ts'),
    'serve',
    '--port',
    '0',
    '--ready-file',
    ready,
    '--log-level',
    'warn',
    '--set',
    `backends.openai_codex.extra.codex.transport=${transport}`,
  ]
  const child: ChildProcess = spawn(process.execPath, args, { cwd: home, env, stdio: ['ignore', 'ignore', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  await expect
    .poll(() => existsSync(ready) && readFileSync(ready, 'utf8').endsWith('}'), { timeout: 15_000 })
    .toBe(true)
  const { url } = JSON.parse(readFileSync(ready, 'utf8'))
  const ask = () =>
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'gpt-5.6-sol', messages: [{ role: 'user', content: 'Hello' }] }),
    })
  return { simulator, proxy, ask }
}

test('O-01: the backend is reached through HTTPS_PROXY, trusted by NODE_EXTRA_CA_CERTS, with a zstd body', async () => {
  const { simulator, proxy, ask } = await startBehindProxy(undefined, 'sse')
  expect((await ask()).status).toBe(200)
  expect(new Set(proxy.hosts)).toEqual(new Set(['chatgpt.com:443']))
  const request = simulator.onlyRequest()
  expect([request.path, request.encoding]).toEqual(['/backend-api/codex/responses', 'zstd'])
  expect(simulator.calls).toContain('GET /backend-api/codex/models')
})

test('O-01: HTTP/2 is spoken inside the proxy’s tunnel where the backend has it', async () => {
  const { simulator, proxy, ask } = await startBehindProxy(undefined, 'sse', true)
  expect([(await ask()).status, (await ask()).status]).toEqual([200, 200])
  expect(new Set(proxy.hosts)).toEqual(new Set(['chatgpt.com:443']))
  expect(simulator.requests.map(({ headers }) => headers[':authority'])).toEqual(['chatgpt.com', 'chatgpt.com'])
})

test('O-01: a WebSocket needs 1.1 and gets it from a backend that has HTTP/2 too', async () => {
  const { simulator, ask } = await startBehindProxy(undefined, 'auto', true)
  expect((await ask()).status).toBe(200)
  expect(simulator.onlyRequest().transport).toBe('websocket')
})

test('O-01: a WebSocket goes through the proxy too, in TLS', async () => {
  const { simulator, proxy, ask } = await startBehindProxy()
  expect((await ask()).status).toBe(200)
  expect(new Set(proxy.hosts)).toEqual(new Set(['chatgpt.com:443']))
  expect(simulator.onlyRequest().transport).toBe('websocket')
})

test('the account’s workspace is asked for once; its origin and routing are used', async () => {
  const { simulator, proxy, ask } = await startBehindProxy((each) => {
    each.answerCall('accounts_check', {
      status: 200,
      body: {
        accounts: [
          { id: 'acct-A', workspace_backend_origin: 'https://eu.chatgpt.com', account_routing_override: 'us' },
        ],
      },
    })
  })
  expect([(await ask()).status, (await ask()).status]).toEqual([200, 200])
  expect(simulator.countCalls('accounts_check')).toBe(1)
  expect(proxy.hosts).toContain('eu.chatgpt.com:443')
  expect(simulator.requests.map(({ headers }) => headers['x-openai-account-routing-override'])).toEqual(['us', 'us'])
})

test('an origin elsewhere is not believed', async () => {
  const { proxy, ask } = await startBehindProxy((each) => {
    each.answerCall('accounts_check', {
      status: 200,
      body: {
        accounts: [{ id: 'acct-A', workspace_backend_origin: 'https://evil.example', account_routing_override: 'us' }],
      },
    })
  })
  expect((await ask()).status).toBe(200)
  expect(new Set(proxy.hosts)).toEqual(new Set(['chatgpt.com:443']))
})
