import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { arrayAt, isObject, type JsonObject } from '../../src/lib/json.ts'
import { startGateway } from '../support/gateway.ts'

const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

async function startImageHost(location?: string) {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    if (location === undefined) response.writeHead(200, { 'content-type': 'image/png' }).end(PIXEL)
    else response.writeHead(302, { location }).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

const ask = (url: string) => ({
  model: 'gpt-5.5',
  messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url, detail: 'low' } }] }],
})
const exempt = (host: string) => `backends: {openai_codex: {extra: {codex: {remote_image_hosts: ["${host}"]}}}}`

function imageAt(body: JsonObject | undefined): JsonObject | undefined {
  const [item] = (arrayAt(body ?? {}, 'input') ?? []).filter(isObject).filter(({ role }) => role === 'user')
  return (arrayAt(item ?? {}, 'content') ?? []).filter(isObject)[0]
}

test('T-01: a data URL passes byte for byte', async () => {
  const { post, simulator } = await startGateway()
  const url = `data:image/png;base64,${PIXEL.toString('base64')}`
  expect((await post('/v1/chat/completions', ask(url))).status).toBe(200)
  expect(imageAt(simulator.requests[0]?.body)).toEqual({ type: 'input_image', image_url: url, detail: 'low' })
})

for (const path of ['/v1/chat/completions', '/v1/responses']) {
  test(`T-02: an image by URL arrives as its bytes, and its host sees no token (${path})`, async () => {
    const { host, requests } = await startImageHost()
    const { post, simulator } = await startGateway({ yaml: exempt(host) })
    const url = `http://${host}/a.png`
    const content = [{ type: 'input_image', image_url: url, detail: 'low' }]
    const body = path === '/v1/responses' ? { model: 'gpt-5.5', input: [{ role: 'user', content }] } : ask(url)
    expect((await post(path, body, { authorization: 'Bearer client-key' })).status).toBe(200)
    expect(imageAt(simulator.requests[0]?.body)?.image_url).toBe(`data:image/png;base64,${PIXEL.toString('base64')}`)
    expect(requests.map(({ headers }) => [headers.authorization, headers.cookie])).toEqual([[undefined, undefined]])
  })
}

for (const url of [
  'http://127.0.0.1:1/a.png',
  'https://127.0.0.1:1/a.png',
  'https://10.0.0.1/a.png',
  'https://169.254.169.254/latest',
  'https://[::ffff:127.0.0.1]/a.png',
  'https://localhost/a.png',
]) {
  test(`T-03: ${url} is refused, the backend is not called`, async () => {
    const { post, simulator } = await startGateway()
    const response = await post('/v1/chat/completions', ask(url))
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { error: { code: 'invalid_image_url', param: 'messages[0].content[0].image_url' } },
    ])
    expect(simulator.requests).toEqual([])
  })
}

test('T-03: a redirect to a private address is refused', async () => {
  const target = await startImageHost()
  const { host } = await startImageHost(`http://${target.host}/a.png`)
  const { post } = await startGateway({ yaml: exempt(host) })
  expect((await post('/v1/chat/completions', ask(`http://${host}/a.png`))).status).toBe(400)
  expect(target.requests).toEqual([])
})
