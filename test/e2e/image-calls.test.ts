import { APIError, toFile } from 'openai'
import type { ImageEditStreamEvent, ImageGenStreamEvent } from 'openai/resources/images'
import { expect, test } from 'vitest'
import { ev } from '../../src/simulator/events.ts'
import { readError } from '../support/doors.ts'
import { startGateway } from '../support/gateway.ts'

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const PNG_URL = `data:image/png;base64,${PNG}`
const GENERATIONS = '/v1/images/generations'
const EDITS = '/v1/images/edits'

const image = { id: 'ig_1', type: 'image_generation_call', status: 'completed', result: PNG, size: '1024x1024' }
const partial = (index: number) => ({
  type: 'response.image_generation_call.partial_image',
  item_id: 'ig_1',
  output_index: 0,
  partial_image_index: index,
  partial_image_b64: `cGFydA${index}=`,
})

test('images.generate is one call of the backend’s image endpoint, as the CLI makes it', async () => {
  const { client, simulator } = await startGateway()
  const { data, response } = await client.images
    .generate({ model: 'dall-e-3', prompt: 'a dot', size: '1792x1024', style: 'vivid' })
    .withResponse()
  expect(data).toEqual({ created: expect.any(Number), data: [{ b64_json: PNG }], size: '1536x1024' })
  expect(response.headers.get('x-codexway-adjusted-params')).toBe('model=gpt-image-2, size=1536x1024')
  expect(response.headers.get('x-codexway-dropped-params')).toBe('style')
  const [call, ...more] = simulator.otherCalls.filter(({ name }) => name === 'images')
  expect(more).toEqual([])
  expect(call?.path).toBe('/backend-api/codex/images/generations')
  expect(call?.body).toEqual({
    prompt: 'a dot',
    background: 'opaque',
    model: 'gpt-image-2',
    quality: 'auto',
    size: '1536x1024',
  })
  const names = call?.headersRaw.map(([name]) => name.toLowerCase())
  expect(names?.filter((name) => !['host', 'connection', 'content-length'].includes(name))).toEqual([
    'version',
    'x-codex-image-turn-id',
    'authorization',
    'chatgpt-account-id',
    'content-type',
    'originator',
    'user-agent',
    'accept',
  ])
  expect(call?.headers['x-codex-image-turn-id']).toMatch(/^[0-9a-f-]{36}$/)
})

test('response_format url is answered with a data URL', async () => {
  const { client } = await startGateway()
  const { data } = await client.images.generate({ prompt: 'a dot', response_format: 'url' })
  expect(data).toEqual([{ url: PNG_URL }])
})

test('images.edit sends its files as data URLs', async () => {
  const { client, simulator } = await startGateway()
  const bytes = Buffer.from(PNG, 'base64')
  const answer = await client.images.edit({
    prompt: 'make it blue',
    image: [await toFile(bytes, 'a.png', { type: 'image/png' }), await toFile(bytes, 'b')],
    mask: await toFile(bytes, 'mask.png', { type: 'image/png' }),
    n: 1,
  })
  expect(answer.data?.[0]?.b64_json).toBe(PNG)
  const call = simulator.otherCalls.find(({ name }) => name === 'images')
  expect(call?.path).toBe('/backend-api/codex/images/edits')
  expect(call?.body).toMatchObject({
    prompt: 'make it blue',
    images: [{ image_url: PNG_URL }, { image_url: PNG_URL }],
    mask: { image_url: PNG_URL },
  })
})

test('an edit as JSON keeps data URLs byte for byte, and private addresses are not visited', async () => {
  const { post, simulator } = await startGateway()
  const images = [{ image_url: PNG_URL }]
  expect((await post(EDITS, { prompt: 'x', images })).status).toBe(200)
  expect(simulator.otherCalls.find(({ name }) => name === 'images')?.body.images).toEqual(images)
  const refused = await post(EDITS, { prompt: 'x', images: [{ image_url: 'http://127.0.0.1:1/a.png' }] })
  expect([refused.status, (await readError(refused)).code]).toEqual([400, 'invalid_image_url'])
  expect(simulator.countCalls('images')).toBe(1)
})

test('images.generate streams partial images and the whole one by the hosted tool', async () => {
  const { client, simulator } = await startGateway()
  const completed = ev.completed('resp_1', { output: [image], tool_usage: { image_gen: { total_tokens: 9 } } })
  simulator.play({
    stream: [ev.created(), ev.added({ ...image, result: null }), partial(0), partial(1), ev.done(image), completed],
  })
  const stream = await client.images.generate({
    prompt: 'a dot',
    stream: true,
    partial_images: 2,
    output_format: 'webp',
  })
  const events: ImageGenStreamEvent[] = []
  for await (const event of stream) events.push(event)
  expect(events).toEqual([
    expect.objectContaining({ type: 'image_generation.partial_image', partial_image_index: 0, b64_json: 'cGFydA0=' }),
    expect.objectContaining({ type: 'image_generation.partial_image', partial_image_index: 1, b64_json: 'cGFydA1=' }),
    {
      type: 'image_generation.completed',
      b64_json: PNG,
      created_at: expect.any(Number),
      size: '1024x1024',
      usage: { total_tokens: 9 },
    },
  ])
  const { body } = simulator.onlyRequest()
  expect(body).toMatchObject({
    model: 'gpt-5.5',
    tool_choice: { type: 'image_generation' },
    tools: [{ type: 'image_generation', output_format: 'webp', partial_images: 2 }],
  })
})

test('the simulator makes an image by itself', async () => {
  const { client } = await startGateway()
  const types: string[] = []
  for await (const { type } of await client.images.generate({ prompt: 'a dot', stream: true })) types.push(type)
  expect(types).toEqual(['image_generation.completed'])
})

test('images.edit streams as well', async () => {
  const { client, simulator } = await startGateway()
  simulator.play({ stream: [ev.created(), ev.done(image), ev.completed('resp_1', { output: [] })] })
  const file = await toFile(Buffer.from(PNG, 'base64'), 'a.png', { type: 'image/png' })
  const events: ImageEditStreamEvent[] = []
  for await (const event of await client.images.edit({ prompt: 'blue', image: file, stream: true })) events.push(event)
  expect(events).toMatchObject([{ type: 'image_edit.completed', b64_json: PNG }])
  expect(JSON.stringify(simulator.onlyRequest().body.input)).toContain(PNG_URL)
})

test('a plan without images is explained: streamed, where the tool goes missing without a word', async () => {
  const { client, simulator } = await startGateway()
  simulator.play({ stream: [{ say: 'I have no such tool.' }] })
  const stream = await client.images.generate({ prompt: 'a dot', stream: true })
  const readAll = async () => {
    for await (const event of stream) expect.fail(`no event was expected: ${event.type}`)
  }
  const reading = readAll()
  await expect(reading).rejects.toThrow(APIError)
  await expect(reading).rejects.toThrow(/made no image.*I have no such tool.*Plus/)
})

test('refusals of the image endpoint go through the error table', async () => {
  const { post, simulator } = await startGateway()
  const answers: [number, object, number, string][] = [
    [
      403,
      { error: { code: 'codex_entitlement_missing', message: 'No images in this plan.' } },
      403,
      'codex_entitlement_missing',
    ],
    [
      429,
      { error: { type: 'usage_limit_reached', message: 'Limit reached', resets_in_seconds: 60 } },
      429,
      'usage_limit_reached',
    ],
    [400, { detail: 'Unsupported parameter: background' }, 400, 'unsupported_parameter'],
    [200, { data: [] }, 403, 'image_not_made'],
  ]
  for (const [status, body, expected, code] of answers) {
    simulator.playCall('images', { status, body })
    const response = await post(GENERATIONS, { prompt: 'a dot' })
    expect([response.status, (await readError(response)).code]).toEqual([expected, code])
  }
  simulator.playCall('images', { status: 200, body: 'no JSON' })
  expect((await readError(await post(GENERATIONS, { prompt: 'a dot' }))).code).toBe('upstream_bad_response')
  expect(simulator.countCalls('images')).toBe(5)
})

test('a token refused once is renewed, and the call made again', async () => {
  const { post, simulator } = await startGateway()
  simulator.playCall('images', { status: 401, body: { detail: 'Unauthorized' } })
  expect((await post(GENERATIONS, { prompt: 'a dot' })).status).toBe(200)
  expect([simulator.countCalls('images'), simulator.countCalls('token')]).toEqual([2, 1])
})

test('strict_params refuses what would be dropped', async () => {
  const { post, simulator } = await startGateway()
  const response = await post(GENERATIONS, { prompt: 'a dot', user: 'u' }, { 'x-codexway-strict-params': 'true' })
  expect(await readError(response)).toMatchObject({ code: 'unsupported_parameter', param: 'user' })
  expect(simulator.countCalls('images')).toBe(0)
})

test('a broken form, one too large, and n above 1 are refused, and nothing is sent', async () => {
  const { url, post, simulator } = await startGateway({ yaml: 'server: {max_body_bytes: 5000}' })
  const send = (body: string, type: string) =>
    fetch(url + EDITS, { method: 'POST', headers: { 'content-type': type }, body, signal: AbortSignal.timeout(20_000) })
  const broken = await send('--x\r\nnothing', 'multipart/form-data; boundary=x')
  expect([broken.status, (await readError(broken)).type]).toEqual([400, 'invalid_request_error'])
  const bare = await send('', 'multipart/form-data')
  expect([bare.status, (await readError(bare)).type]).toEqual([400, 'invalid_request_error'])
  const large = await send('x'.repeat(6000), 'multipart/form-data; boundary=x')
  expect([large.status, (await readError(large)).code]).toEqual([413, 'request_too_large'])
  const several = await post(GENERATIONS, { prompt: 'a dot', n: 2 })
  expect(await readError(several)).toMatchObject({ code: 'unsupported_parameter', param: 'n' })
  expect(simulator.countCalls('images')).toBe(0)
})

test('a client that leaves ends the backend’s call', async () => {
  const { post, simulator, logs } = await startGateway()
  simulator.playCall('images', 'hang')
  const leaving = new AbortController()
  const asking = post(GENERATIONS, { prompt: 'a dot' }, {}, leaving.signal).catch(() => undefined)
  await expect.poll(() => simulator.countCalls('images'), { timeout: 5000 }).toBe(1)
  leaving.abort()
  await asking
  await expect.poll(() => logs.some((line) => line.includes('"status":499')), { timeout: 5000 }).toBe(true)
})
