import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { type Answer, listen } from '../../../test/support/loopback.ts'
import type { GatewayError } from '../../turn/errors.ts'
import type { RemoteImage } from '../../turn/turn.ts'
import { type RemoteImageOptions, resolveRemoteImages } from './remote-images.ts'

const never = new AbortController().signal
const pixel = Buffer.from('89504e47', 'hex')
const dataUrl = `data:image/png;base64,${pixel.toString('base64')}`

const toImages = (...urls: readonly string[]): RemoteImage[] =>
  urls.map((url, index) => ({
    path: `messages[0].content[${index}].image_url`,
    part: { type: 'input_image', image_url: url },
  }))

async function serve(answer: Answer) {
  const server = await listen(answer)
  onTestFinished(() => server[Symbol.asyncDispose]())
  return { ...server, options: { mode: 'inline', exemptHosts: [server.host] } as const satisfies RemoteImageOptions }
}

const png: Answer = (_request, response) => void response.writeHead(200, { 'content-type': 'image/png' }).end(pixel)

async function refusal(images: RemoteImage[], options: RemoteImageOptions, signal = never) {
  const error = (await resolveRemoteImages(images, options, signal).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )) as GatewayError
  return { kind: error.kind, param: error.param, message: error.message }
}

const refused = (reason: string, index = 0) => ({
  kind: 'invalid_image_url',
  param: `messages[0].content[${index}].image_url`,
  message: `The image at messages[0].content[${index}].image_url cannot be used: ${reason}.`,
})

test('T-02: an image of an exempt host becomes a data URL, fetched without any token or cookie', async () => {
  const { url, options, requests } = await serve((_request, response) => {
    response.writeHead(200, { 'content-type': 'Image/PNG; charset=x', 'set-cookie': 'a=1' }).end(pixel)
  })
  const images = toImages(`${url}/a.png?b=c`, `${url}/other`)
  await resolveRemoteImages(images, options, never)
  expect(images.map(({ part }) => part.image_url)).toEqual([dataUrl, dataUrl])
  expect(requests.map(({ url: path, headers }) => [path, Object.keys(headers).toSorted()])).toEqual([
    ['/a.png?b=c', ['accept', 'connection', 'host']],
    ['/other', ['accept', 'connection', 'host']],
  ])
})

test('the same URL is fetched once', async () => {
  const { url, options, requests } = await serve(png)
  const images = toImages(url, url, url)
  await resolveRemoteImages(images, options, never)
  expect([images.every(({ part }) => part.image_url === dataUrl), requests.length]).toEqual([true, 1])
})

test('forward leaves URLs alone, refuse refuses them; data URLs pass either way', async () => {
  const images = toImages('http://127.0.0.1/a.png')
  await resolveRemoteImages(images, { mode: 'forward', exemptHosts: [] }, never)
  expect(images[0]?.part.image_url).toBe('http://127.0.0.1/a.png')
  const refuse = { mode: 'refuse', exemptHosts: [] } as const
  expect((await refusal(images, refuse)).kind).toBe('invalid_image_url')
  await resolveRemoteImages(toImages(dataUrl), refuse, never)
})

test('T-03: a host that is not exempt is not connected to', async () => {
  const { url, host, connections } = await serve(png)
  const port = new URL(url).port
  const options = { mode: 'inline', exemptHosts: [] } as const
  expect(await refusal(toImages(url), options)).toEqual(refused('only https: and data: URLs are allowed'))
  expect(await refusal(toImages(`https://${host}`), options)).toEqual(refused('its address is not a public one'))
  expect(await refusal(toImages(`https://localhost:${port}`), options)).toEqual(
    refused('its address is not a public one'),
  )
  expect(await refusal(toImages('https://169.254.169.254/latest'), options)).toEqual(
    refused('its address is not a public one'),
  )
  expect(connections()).toBe(0)
})

test('T-03: a redirect is checked like the first URL', async () => {
  const inside = await serve(png)
  const { url, options } = await serve(
    (_request, response) => void response.writeHead(302, { location: inside.url }).end(),
  )
  expect(await refusal(toImages(url), options)).toEqual(refused('only https: and data: URLs are allowed'))
  const secure = inside.url.replace('http:', 'https:')
  const other = await serve((_request, response) => void response.writeHead(307, { location: secure }).end())
  expect(await refusal(toImages(other.url), other.options)).toEqual(refused('its address is not a public one'))
  expect(inside.connections()).toBe(0)
})

test('three redirects are followed, a fourth is not', async () => {
  const { url, options } = await serve(({ url: path }, response) => {
    const left = Number(path.slice(1))
    if (left === 0) response.writeHead(200, { 'content-type': 'image/png' }).end(pixel)
    else response.writeHead(301, { location: `/${left - 1}` }).end()
  })
  const images = toImages(`${url}/3`)
  await resolveRemoteImages(images, options, never)
  expect(images[0]?.part.image_url).toBe(dataUrl)
  expect(await refusal(toImages(`${url}/4`), options)).toEqual(refused('it redirects more than 3 times'))
})

const answerWith =
  (status: number, headers: Record<string, string>, body: Buffer | string = pixel): Answer =>
  (_request, response) =>
    void response.writeHead(status, headers).end(body)

test.each<[string, Answer]>([
  ['its host answered HTTP 404', answerWith(404, { 'content-type': 'image/png' })],
  ['its host sent no image', answerWith(200, { 'content-type': 'text/html' })],
  ['its host sent no image', answerWith(200, {})],
  ['its host sent it compressed', answerWith(200, { 'content-type': 'image/svg+xml', 'content-encoding': 'gzip' })],
  ['it is empty', answerWith(200, { 'content-type': 'image/png' }, '')],
  ['its host could not be reached', (_request, response) => void response.socket?.destroy()],
])('%s', async (reason, answer) => {
  const { url, options } = await serve(answer)
  expect(await refusal(toImages(dataUrl, url), options)).toEqual(refused(reason, 1))
})

test('more than 20 MiB is refused, by the stated length or by what comes', async () => {
  const { url, options } = await serve(async (_request, response, index) => {
    const length = { 'content-length': String(21 * 1024 * 1024) }
    response.on('error', () => {})
    response.writeHead(200, { 'content-type': 'image/png', ...(index === 0 ? length : {}) })
    for (let i = 0; i < 21 && !response.destroyed; i += 1) {
      response.write(Buffer.alloc(1024 * 1024))
      await delay(1)
    }
  })
  for (let i = 0; i < 2; i += 1) {
    expect(await refusal(toImages(url), options)).toEqual(refused('it is larger than 20 MiB'))
  }
})

test('a slow host is given up', async () => {
  const { url, options } = await serve(() => {})
  expect(await refusal(toImages(url), { ...options, timeoutMs: 100 })).toEqual(refused('its host took too long'))
})

test('one failure ends the fetches beside it; an abort ends them all', async () => {
  const { url, options, requests } = await serve(({ url: path }, response) => {
    if (path === '/bad') response.writeHead(500).end()
  })
  expect(await refusal(toImages(`${url}/slow`, `${url}/bad`), options)).toEqual(
    refused('its host answered HTTP 500', 1),
  )
  await requests.find(({ url: path }) => path === '/slow')?.left

  const gone = new AbortController()
  const result = refusal(toImages(`${url}/slower`), options, gone.signal)
  await expect.poll(() => requests.length).toBe(3)
  gone.abort()
  expect((await result).kind).toBe('cancelled')
})
