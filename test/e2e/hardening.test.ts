import { createZstdCompress } from 'node:zlib'
import { expect, test } from 'vitest'
import { atBothDoors, CHAT, RESPONSES, readError } from '../support/doors.ts'
import { startGateway } from '../support/gateway.ts'
import { sendRaw } from '../support/raw-http.ts'

const chat = { model: 'gpt-5.5', messages: [{ role: 'user', content: 'Hello' }] }

test('H-03: without keys a client’s own bearer is ignored, and the backend sees the file’s', async () => {
  const { post, simulator } = await startGateway()
  const own = simulator.issueTokens({ accountId: 'acct-client' })
  const headers = {
    authorization: `Bearer ${own.access_token}`,
    'chatgpt-account-id': 'acct-client',
    cookie: 'a=b',
    'x-api-key': 'k',
  }
  for (const { name, path, body } of atBothDoors()) {
    const response = await post(path, body, headers)
    await response.text()
    const sent = simulator.requests.at(-1)?.headers
    expect([name, response.status, sent?.['chatgpt-account-id'], sent?.cookie ?? '']).toEqual([
      name,
      200,
      'acct-A',
      expect.not.stringContaining('a=b'),
    ])
    expect(sent?.authorization).not.toBe(headers.authorization)
    expect(JSON.stringify(sent)).not.toContain('acct-client')
  }
})

test('H-02: with keys, a wrong one gets nowhere on any route but /health', async () => {
  const { url, simulator, post } = await startGateway({ env: { CODEXWAY_API_KEYS: 'right-key' } })
  for (const path of ['/v1/models', '/v1/models/gpt-5.5', '/v1/usage', '/ready', '/api/codex/usage', RESPONSES]) {
    for (const headers of [
      {},
      { authorization: 'Bearer wrong-key' },
      { authorization: 'right-key' },
      { 'x-api-key': 'Right-key' },
    ]) {
      const response = await fetch(url + path, { headers: { ...headers } })
      expect([path, headers, response.status, (await readError(response)).code]).toEqual([
        path,
        headers,
        401,
        'invalid_api_key',
      ])
    }
  }
  for (const { path, body } of atBothDoors()) expect((await post(path, body, { 'x-api-key': '' })).status).toBe(401)
  expect(simulator.requests).toHaveLength(0)
  expect((await fetch(`${url}/health`)).status).toBe(200)
  const answered = await post(CHAT, chat, { authorization: 'bearer right-key' })
  expect(answered.status).toBe(200)
  expect(JSON.stringify(simulator.onlyRequest())).not.toContain('right-key')
})

test('H-04: a page of an allowed origin can read a stream and our headers; the backend sees no origin', async () => {
  const { post, simulator } = await startGateway({ yaml: 'server: {cors_origins: ["https://app.example"]}' })
  for (const origin of ['http://localhost:5173', 'https://app.example']) {
    const headers = { origin, 'x-stainless-os': 'Browser', referer: `${origin}/page` }
    const response = await post(CHAT, { ...chat, stream: true, temperature: 1 }, headers)
    expect(await response.text()).toMatch(/\[DONE\]\n\n$/)
    const seen = (name: string) => response.headers.get(name)
    expect([seen('access-control-allow-origin'), seen('vary')]).toEqual([origin, 'origin'])
    expect(seen('access-control-expose-headers')).toContain('x-codexway-dropped-params')
    const sent = JSON.stringify(simulator.requests.at(-1)?.headers)
    expect(sent).not.toMatch(/stainless|referer|origin":"http/)
  }
  const failed = await post(CHAT, '{', { origin: 'http://localhost:5173' })
  expect([failed.status, failed.headers.get('access-control-allow-origin')]).toEqual([400, 'http://localhost:5173'])
})

test('§14: foreign hosts and origins are refused before anything else', async () => {
  const { url, post, simulator } = await startGateway()
  for (const host of [
    'evil.example',
    'evil.example:2633',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    '10.0.0.1',
    '',
  ]) {
    const answer = await sendRaw(url, `GET /v1/models HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
    expect([host, answer.status, JSON.parse(answer.body).error.code]).toEqual([host, 403, 'host_not_allowed'])
  }
  for (const host of ['localhost', 'LOCALHOST:1', '127.0.0.1:80', '127.9.9.9', '[::1]:2633', 'my.localhost']) {
    const answer = await sendRaw(url, `GET /health HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
    expect([host, answer.status]).toEqual([host, 200])
  }
  for (const origin of [
    'https://evil.example',
    'null',
    'http://localhost.evil.example',
    'file://',
    'chrome-extension://x',
  ]) {
    const response = await post(CHAT, chat, { origin })
    expect([origin, response.status, (await readError(response)).code]).toEqual([origin, 403, 'origin_not_allowed'])
    expect(response.headers.get('access-control-allow-origin')).toBeNull()
  }
  expect(simulator.requests).toHaveLength(0)
})

test('H-07: a small body that unpacks to 1 GB is 413', async () => {
  const { url, simulator } = await startGateway()
  const packer = createZstdCompress()
  const packed: Buffer[] = []
  packer.on('data', (chunk: Buffer) => packed.push(chunk))
  const block = Buffer.alloc(16 * 1024 * 1024, ' ')
  for (let written = 0; written < 64; written += 1)
    if (!packer.write(block)) await new Promise<void>((resolve) => packer.once('drain', () => resolve()))
  packer.end()
  await new Promise((resolve) => packer.once('end', resolve))
  const body = Buffer.concat(packed)
  expect(body.length).toBeLessThan(1_000_000)
  for (const path of [CHAT, RESPONSES]) {
    const headers = { 'content-type': 'application/json', 'content-encoding': 'zstd' }
    const response = await fetch(url + path, { method: 'POST', headers, body: new Uint8Array(body) })
    expect([path, response.status, (await readError(response)).code]).toEqual([path, 413, 'request_too_large'])
  }
  expect(simulator.requests).toHaveLength(0)
})

test('H-10: headers of the backend that no answer may carry do not spoil the answer', async () => {
  const { post, simulator } = await startGateway()
  const headers = { 'x-codex-limit-name': 'gr\u00fcn', 'x-codex-note': 'a\tb', 'x-request-id': 'up-\u00e9' }
  for (const { name, path, body } of atBothDoors()) {
    simulator.play({ headers, stream: [{ say: 'Hi.' }] }, { status: 400, headers, body: { detail: 'No.' } })
    const good = await post(path, body)
    expect([name, good.status, (await good.text()).includes('Hi.')]).toEqual([name, 200, true])
    expect([name, (await post(path, body)).status]).toEqual([name, 400])
  }
})
