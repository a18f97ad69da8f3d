import { expect, test } from 'vitest'
import { createClientKey } from '../../src/server/client-auth.ts'
import { CHAT, chat, chatBody, errorOf } from '../support/ask.ts'
import { startGateway } from '../support/gateway.ts'
import { sendRaw, toRequest } from '../support/raw-http.ts'

test('H-02: a key may stand in the configuration as its hash alone', async () => {
  const { key, hash } = createClientKey()
  const gateway = await startGateway({ yaml: `server: {api_keys: ["${hash}"]}` })
  expect((await chat(gateway, {}, { 'x-api-key': key })).status).toBe(200)
  for (const wrong of [hash, `${key}x`, '']) {
    expect((await errorOf(await chat(gateway, {}, { 'x-api-key': wrong }))).code).toBe('invalid_api_key')
  }
  expect(JSON.stringify([gateway.logs, gateway.simulator.requests])).not.toContain(key)
})

test('a hash that is none is a fault of the configuration', async () => {
  const starting = startGateway({ yaml: 'server: {api_keys: ["sha256:abc"]}' })
  await expect(starting).rejects.toThrow(/server\.api_keys\.0: the value: .*64 hexadecimal digits/)
  await expect(starting).rejects.not.toThrow('sha256:abc')
})

test('more requests at once than allowed are refused until one has ended, /health never', async () => {
  const gateway = await startGateway({ yaml: 'server: {max_concurrent_requests: 2}' })
  gateway.simulator.play('stalls-mid-text', 'stalls-mid-text')
  const leave = new AbortController()
  const running = await Promise.all([1, 2].map(() => gateway.post(CHAT, chatBody({ stream: true }), {}, leave.signal)))
  expect(running.map(({ status }) => status)).toEqual([200, 200])
  const refused = await chat(gateway)
  expect(refused.headers.get('retry-after')).toBe('1')
  expect(await errorOf(refused)).toMatchObject({ status: 503, code: 'gateway_busy', type: 'server_error' })
  expect((await fetch(`${gateway.url}/health`)).status).toBe(200)
  leave.abort()
  await expect.poll(async () => (await chat(gateway)).status, { timeout: 5000 }).toBe(200)
})

test('headers that do not come to their end get 408', async () => {
  const { url } = await startGateway({ yaml: 'server: {header_seconds: 1}' })
  const { status, headers, body } = await sendRaw(url, 'POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n')
  expect([status, headers.connection, JSON.parse(body).error.code]).toEqual([408, 'close', 'request_timeout'])
})

test('so does a body, and the gateway goes on', async () => {
  const gateway = await startGateway({ yaml: 'server: {request_seconds: 1}' })
  const whole = toRequest(gateway.url, CHAT, JSON.stringify(chatBody()))
  const { status, headers, body } = await sendRaw(gateway.url, whole.slice(0, -10))
  expect([status, headers.connection, JSON.parse(body).error.code]).toEqual([408, 'close', 'request_timeout'])
  expect(gateway.simulator.requests).toEqual([])
  expect((await chat(gateway)).status).toBe(200)
})

test('an answer may take longer than its request was allowed to', async () => {
  const gateway = await startGateway({ yaml: 'server: {request_seconds: 1}' })
  gateway.simulator.play({ delay_ms: 2500, stream: [{ say: 'Late.' }] })
  const response = await chat(gateway)
  expect([response.status, (await response.text()).includes('Late.')]).toEqual([200, true])
})

test('headers over the limit get 431, which names the setting', async () => {
  const { url } = await startGateway({ yaml: 'server: {max_header_bytes: 8192}' })
  const { status, body } = await sendRaw(
    url,
    `GET /health HTTP/1.1\r\nhost: localhost\r\nx: ${'x'.repeat(9000)}\r\n\r\n`,
  )
  expect([status, JSON.parse(body).error.message]).toEqual([431, expect.stringContaining('server.max_header_bytes')])
})
