import { BoundedCache } from '../../lib/bounded-cache.ts'

/** Cloudflare's names; the CLI keeps no others (upstream.md §1.6). */
const KEPT = /^(?:__cf_bm|cf_clearance|_cfuvid|__cflb|cf_chl_[\w-]*)$/
/** Visible ASCII without what would end a cookie. */
const VALUE = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x7e]+$/
const MAX_COOKIES = 20
const MAX_VALUE_CHARACTERS = 4096
const LIMITS = { maxEntries: 200, maxBytes: 8 * 1024 * 1024, maxAgeMs: 24 * 3_600_000 }

interface Cookie {
  readonly value: string
  readonly expiresAtMs: number
}

/** The edge's cookies of one backend host, for each account apart (connector.md §12.2). */
export class CookieJar {
  readonly #now: () => number
  readonly #accounts: BoundedCache<ReadonlyMap<string, Cookie>>

  constructor(now: () => number = Date.now) {
    this.#now = now
    this.#accounts = new BoundedCache(LIMITS, now)
  }

  /** @param setCookies the values of an answer's `set-cookie` headers */
  keep(accountId: string, setCookies: readonly string[]): void {
    if (setCookies.length === 0) return
    const cookies = new Map(this.#accounts.get(accountId))
    for (const line of setCookies) {
      const [, name = '', value = ''] = /^\s*([^=;\s]+)\s*=\s*([^;]*?)\s*(?:;|$)/.exec(line) ?? []
      if (!KEPT.test(name) || value.length > MAX_VALUE_CHARACTERS) continue
      const expiresAtMs = expiryOf(line, this.#now())
      if (!VALUE.test(value) || expiresAtMs <= this.#now()) cookies.delete(name)
      else if (cookies.has(name) || cookies.size < MAX_COOKIES) cookies.set(name, { value, expiresAtMs })
    }
    const bytes = [...cookies].reduce((sum, [name, { value }]) => sum + name.length + value.length, 0)
    this.#accounts.set(accountId, cookies, bytes)
  }

  /** The `cookie` header's value; undefined if there are none. */
  header(accountId: string): string | undefined {
    const alive = [...(this.#accounts.get(accountId) ?? [])].filter(([, cookie]) => cookie.expiresAtMs > this.#now())
    return alive.length === 0 ? undefined : alive.map(([name, { value }]) => `${name}=${value}`).join('; ')
  }
}

/** `Max-Age` beats `Expires`; neither = as long as we run. */
function expiryOf(line: string, nowMs: number): number {
  const maxAge = /;\s*max-age\s*=\s*(-?\d+)/i.exec(line)?.[1]
  if (maxAge !== undefined) return nowMs + Number(maxAge) * 1000
  const expiresMs = Date.parse(/;\s*expires\s*=\s*([^;]+)/i.exec(line)?.[1] ?? '')
  return Number.isNaN(expiresMs) ? Number.POSITIVE_INFINITY : expiresMs
}
