import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { GatewayError } from '../turn/errors.ts'

const HASHED = 'sha256:'

type Headers = Readonly<Record<string, string>>

/** What of a request may hold a key. */
export interface Keyed {
  readonly headers: Headers
  readonly path: string
  readonly url: URL
}

/** Says which gateway key a request carries. @throws GatewayError `invalid_api_key` */
export type Authenticate = (request: Keyed) => string

/** Gemini's clients may send their key in the address. */
const KEY_IN_ADDRESS = /^\/v1(?:beta)?\/models(?:\/|$)/

/**
 * Gateway keys, as `Authorization: Bearer` or `x-api-key` (connector.md §14), or as Gemini's clients send theirs. Without
 * configured keys any sent key is ignored. The answer is a short stable name of the key, never the key.
 * @param apiKeys as they are, or `sha256:` and the hash in hexadecimal
 */
export function createAuthenticate(apiKeys: readonly string[]): Authenticate {
  const known = apiKeys.map((key) =>
    key.startsWith(HASHED) ? Buffer.from(key.slice(HASHED.length), 'hex') : digest(key),
  )
  return (request) => {
    if (known.length === 0) return ''
    const sent = digest(sentKey(request))
    // Every key is compared, in constant time: neither which one matched nor how much of it shows in the timing.
    const match = known.filter((key) => timingSafeEqual(key, sent))[0]
    if (match !== undefined) return match.toString('hex').slice(0, 12)
    throw new GatewayError(
      'invalid_api_key',
      'This gateway needs one of its own keys (server.api_keys): send it as "Authorization: Bearer KEY" or "x-api-key: KEY".',
    )
  }
}

function sentKey(request: Keyed): string {
  const { headers, path } = request
  const bearer = /^bearer\s+(.+)$/i.exec(headers.authorization ?? '')?.[1]
  const inHeader = bearer?.trim() ?? headers['x-api-key'] ?? headers['x-goog-api-key']
  return inHeader ?? (KEY_IN_ADDRESS.test(path) ? request.url.searchParams.get('key') : null) ?? ''
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

/** A new key that cannot be guessed, and what may stand for it in `server.api_keys`. */
export function createClientKey(): { key: string; hash: string } {
  const key = `cw-${randomBytes(32).toString('base64url')}`
  return { key, hash: HASHED + digest(key).toString('hex') }
}
