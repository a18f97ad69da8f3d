import { Agent, type Dispatcher, request } from 'undici'
import { GatewayError } from '../../turn/errors.ts'
import type { RemoteImage } from '../../turn/turn.ts'
import { ImageRefusal, type ImageTarget, parseImageTarget, publicLookup } from './image-guard.ts'
import { toCancelled } from './response-body.ts'

export interface RemoteImageOptions {
  readonly mode: 'inline' | 'forward' | 'refuse'
  /** `host` or `host:port` exempt from the public-address and https rule. */
  readonly exemptHosts: readonly string[]
  /** For one image with all its redirects; 10 s unless told. */
  readonly timeoutMs?: number
}

const MAX_BYTES = 20 * 1024 * 1024
/** Of one request's images together. */
const MAX_TOTAL_BYTES = 64 * 1024 * 1024
const MAX_REDIRECTS = 3
const TIMEOUT_MS = 10_000
const AT_ONCE = 4
const REDIRECTS = new Set([301, 302, 303, 307, 308])

/**
 * Fetches images named by URL and puts their bytes in place (connector.md §7.3): no credentials, no cookies.
 * @throws GatewayError `invalid_image_url` with the path of the first one that failed
 */
export async function resolveRemoteImages(
  images: readonly RemoteImage[],
  options: RemoteImageOptions,
  signal: AbortSignal,
): Promise<void> {
  const remote = images.filter(({ part }) => !/^data:/i.test(urlOf(part)))
  const [first] = remote
  if (first === undefined || options.mode === 'forward') return
  if (options.mode === 'refuse') {
    throw invalidImage(first.path, 'Images by URL are switched off here (remote_images: refuse). Send a data: URL.')
  }
  const fetcher = new ImageFetcher(options, signal)
  try {
    await fetcher.resolve(remote)
  } finally {
    await fetcher.close()
  }
}

/** The fetches of one request. */
class ImageFetcher {
  readonly #options: RemoteImageOptions
  readonly #signal: AbortSignal
  /** Ends the others when one fails. */
  readonly #given = new AbortController()
  readonly #guarded = new Agent({ allowH2: false, connect: { lookup: publicLookup } })
  readonly #open = new Agent({ allowH2: false })
  /** The same picture is often in a conversation more than once. */
  readonly #answers = new Map<string, Promise<string>>()
  #totalBytes = 0

  constructor(options: RemoteImageOptions, signal: AbortSignal) {
    this.#options = options
    this.#signal = signal
  }

  async resolve(images: readonly RemoteImage[]): Promise<void> {
    const waiting = [...images]
    const work = async () => {
      for (let image = waiting.shift(); image !== undefined; image = waiting.shift()) await this.#fill(image)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
  }

  async close(): Promise<void> {
    this.#given.abort()
    await Promise.all([this.#guarded.destroy(), this.#open.destroy()])
  }

  async #fill({ path, part }: RemoteImage): Promise<void> {
    const url = urlOf(part)
    const known = this.#answers.get(url)
    const answer = known ?? this.#load(url)
    this.#answers.set(url, answer)
    try {
      part.image_url = await answer
    } catch (error) {
      if (this.#signal.aborted) throw toCancelled(this.#signal, { host: 'the image host', reached: true })
      throw invalidImage(path, `The image at ${path} cannot be used: ${reasonOf(error)}.`, error)
    }
  }

  async #load(start: string): Promise<string> {
    const limit = AbortSignal.timeout(this.#options.timeoutMs ?? TIMEOUT_MS)
    const signal = AbortSignal.any([this.#signal, this.#given.signal, limit])
    let target = parseImageTarget(start, this.#options.exemptHosts)
    for (let hop = 0; ; hop += 1) {
      const answer = await this.#ask(target, signal)
      const { location } = answer.headers
      if (!REDIRECTS.has(answer.statusCode) || typeof location !== 'string') return await this.#toDataUrl(answer)
      answer.body.on('error', () => {}).destroy()
      if (hop === MAX_REDIRECTS) throw new ImageRefusal(`it redirects more than ${MAX_REDIRECTS} times`)
      target = parseImageTarget(location, this.#options.exemptHosts, target.url)
    }
  }

  #ask({ url, isExempt }: ImageTarget, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const dispatcher = isExempt ? this.#open : this.#guarded
    return request(url, { dispatcher, headers: { accept: 'image/*' }, signal })
  }

  async #toDataUrl({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<string> {
    try {
      const type = String(headers['content-type'] ?? '')
        .split(';', 1)[0]
        ?.trim()
        .toLowerCase()
      if (statusCode !== 200) throw new ImageRefusal(`its host answered HTTP ${statusCode}`)
      if (type === undefined || !/^image\/[\w.+-]+$/.test(type)) throw new ImageRefusal('its host sent no image')
      if (headers['content-encoding'] !== undefined) throw new ImageRefusal('its host sent it compressed')
      if (Number(headers['content-length'] ?? 0) > MAX_BYTES) throw new ImageRefusal(TOO_LARGE)
      const bytes = await this.#readLimited(body)
      if (bytes.length === 0) throw new ImageRefusal('it is empty')
      return `data:${type};base64,${bytes.toString('base64')}`
    } finally {
      body.on('error', () => {}).destroy()
    }
  }

  async #readLimited(body: AsyncIterable<Buffer>): Promise<Buffer> {
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of body) {
      bytes += chunk.length
      this.#totalBytes += chunk.length
      if (bytes > MAX_BYTES) throw new ImageRefusal(TOO_LARGE)
      if (this.#totalBytes > MAX_TOTAL_BYTES) throw new ImageRefusal("this request's images are over 64 MiB together")
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  }
}

const TOO_LARGE = 'it is larger than 20 MiB'

function urlOf(part: RemoteImage['part']): string {
  return String(part.image_url)
}

/** undici wraps what a lookup or a limit threw. */
function reasonOf(error: unknown): string {
  for (let reason = error; reason instanceof Error; reason = reason.cause) {
    if (reason instanceof ImageRefusal) return reason.message
    if (reason.name === 'TimeoutError') return 'its host took too long'
  }
  return 'its host could not be reached'
}

function invalidImage(path: string, message: string, cause?: unknown): GatewayError {
  return new GatewayError('invalid_image_url', message, { param: path, ...(cause === undefined ? {} : { cause }) })
}
