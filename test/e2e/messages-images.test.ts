import { expect, onTestFinished, test } from 'vitest'
import { startGateway } from '../support/gateway.ts'
import { listen } from '../support/loopback.ts'
import { messagesClient } from '../support/messages-client.ts'

const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)
const DATA_URL = `data:image/png;base64,${PIXEL.toString('base64')}`

type Source = { type: 'url'; url: string } | { type: 'base64'; media_type: 'image/png'; data: string }
const ask = (source: Source) => ({
  model: 'gpt-5.5',
  max_tokens: 100,
  messages: [{ role: 'user' as const, content: [{ type: 'image' as const, source }] }],
})

test('T-01, T-02: bytes and an image elsewhere arrive as the same data URL; its host sees no key', async () => {
  const host = await listen(
    (_request, response) => void response.writeHead(200, { 'content-type': 'image/png' }).end(PIXEL),
  )
  onTestFinished(() => host[Symbol.asyncDispose]())
  const yaml = `backends: {openai_codex: {extra: {codex: {remote_image_hosts: ["${host.host}"]}}}}`
  const gateway = await startGateway({ yaml })
  const client = messagesClient(gateway)
  await client.messages.create(ask({ type: 'base64', media_type: 'image/png', data: PIXEL.toString('base64') }))
  await client.messages.create(ask({ type: 'url', url: `${host.url}/a.png` }))
  for (const { body } of gateway.simulator.requests) {
    expect(body.input).toMatchObject([{ content: [{ type: 'input_image', image_url: DATA_URL }] }])
  }
  expect(host.requests.map(({ headers }) => [headers.authorization, headers['x-api-key']])).toEqual([
    [undefined, undefined],
  ])
})

for (const url of ['http://127.0.0.1:1/a.png', 'https://10.0.0.1/a.png', 'https://169.254.169.254/latest']) {
  test(`T-03: ${url} is refused with its path, the backend is not called`, async () => {
    const gateway = await startGateway()
    await expect(messagesClient(gateway).messages.create(ask({ type: 'url', url }))).rejects.toMatchObject({
      status: 400,
      type: 'invalid_request_error',
      errorCode: 'invalid_image_url',
      details: { param: 'messages[0].content[0].source.url' },
    })
    expect(gateway.simulator.requests).toEqual([])
  })
}
