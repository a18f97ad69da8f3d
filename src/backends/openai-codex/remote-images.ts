import { lookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'
import { Agent, request } from 'undici'
import { GatewayError } from '../../turn/errors.ts'
import type { RemoteImage } from '../../turn/turn.ts'

export interface RemoteImageOptions {
  readonly mode: 'inline' | 'forward' | 'refuse'
  /** `host` or `host:port` exempt from the public-address and https rule. */
  readonly exemptHosts: readonly string[]
}

const MAX_BYTES = 20 * 1024 * 1024
const MAX_REDIRECTS = 3
const TIMEOUT_MS = 10_000

/** Fetches images named by URL and puts their bytes in place (connector.md §7.3). @throws GatewayError `invalid_image_url` */
export async function resolveRemoteImages(
  images: readonly RemoteImage[],
  options: RemoteImageOptions,
  signal: AbortSignal,
): Promise<void> {
  if (options.mode === 'forward') return
  await Promise.all(
    images.map(async ({ path, part }) => {
      if (options.mode === 'refuse')
        throw refused(path, 'Images by URL are switched off here (remote_images: refuse); send a data: URL.')
      part.image_url = await fetchAsDataUrl(String(part.image_url), path, options, signal)
    }),
  )
}

async function fetchAsDataUrl(
  start: string,
  path: string,
  options: RemoteImageOptions,
  signal: AbortSignal,
): Promise<string> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])
  const guarded = new Agent({ connect: { lookup: publicOnly } })
  const open = new Agent()
  try {
    let url = start
    for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
      const target = URL.parse(url)
      if (target === null) throw refused(path, 'The image URL is not valid.')
      const isExempt = options.exemptHosts.some((host) => host === target.host || host === target.hostname)
      if (!isExempt) checkTarget(target, path)
      const answer = await request(target, {
        dispatcher: isExempt ? open : guarded,
        headers: { accept: 'image/*' },
        signal: limit,
      })
      const location = answer.headers.location
      if (answer.statusCode >= 300 && answer.statusCode < 400 && typeof location === 'string') {
        await answer.body.dump()
        url = new URL(location, target).href
        continue
      }
      const type = String(answer.headers['content-type'] ?? '').split(';', 1)[0] ?? ''
      if (answer.statusCode !== 200 || !/^image\/[\w.+-]+$/.test(type)) {
        throw refused(path, `The image host answered HTTP ${answer.statusCode} with content type "${type}".`)
      }
      return `data:${type};base64,${(await readLimited(answer.body, path)).toString('base64')}`
    }
    throw refused(path, `The image URL redirects more than ${MAX_REDIRECTS} times.`)
  } catch (error) {
    if (error instanceof GatewayError) throw error
    if (signal.aborted) throw signal.reason
    throw new GatewayError(
      'invalid_image_url',
      'The image could not be fetched. Only public https addresses are allowed.',
      { param: path, cause: error },
    )
  } finally {
    await Promise.all([guarded.destroy(), open.destroy()])
  }
}

async function readLimited(body: AsyncIterable<Buffer>, path: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  let total = 0
  for await (const chunk of body) {
    total += chunk.length
    if (total > MAX_BYTES) throw refused(path, 'The image is larger than 20 MiB.')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Names are checked when they are resolved; addresses written out never reach a resolver and are checked here. */
function checkTarget(target: URL, path: string): void {
  if (target.protocol !== 'https:') throw refused(path, 'Images are fetched over https only.')
  const address = target.hostname.replace(/^\[|\]$/g, '')
  if (ipaddr.isValid(address) && !isPublic(address))
    throw refused(path, 'Images are fetched from public addresses only.')
}

/** The address that was checked is the one connected to, so that a name cannot change in between. */
const publicOnly: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const allowed = error === null ? addresses.filter(({ address }) => isPublic(address)) : []
    const [first] = allowed
    if (first === undefined)
      callback(error ?? Object.assign(new Error('not a public address'), { code: 'ENOTFOUND' }), '', 0)
    else if (options.all === true) callback(null, allowed)
    else callback(null, first.address, first.family)
  })
}

/** Global unicast only; IPv4 inside IPv6 counts as the IPv4 address it is. */
export function isPublic(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'unicast'
}

function refused(path: string, message: string): GatewayError {
  return new GatewayError('invalid_image_url', message, { param: path })
}
