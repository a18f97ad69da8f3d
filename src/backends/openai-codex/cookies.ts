import { BoundedCache } from '../../lib/bounded-cache.ts'

/** Cloudflare's names; the CLI keeps no others (upstream.md §1.6). */
const KEPT = /^(?:__cf_bm|cf_clearance|_cfuvid|__cflb|cf_chl_.*)$/
const MAX_COOKIES = 20
const MAX_VALUE_CHARACTERS = 4096
const LIMITS = { maxEntries: 200, maxBytes: 8 * 1024 * 1024, maxAgeMs: 24 * 3_600_000 }

/** The edge's cookies, for each account apart, for the backend host only. */
export class CookieJar {
  readonly #accounts = new BoundedCache<Map<string, string>>(LIMITS)

  keep(accountId: string, setCookies: readonly string[]): void {
    if (setCookies.length === 0) return
    const cookies = new Map(this.#accounts.get(accountId))
    for (const line of setCookies) {
      const [, name = '', value = ''] = /^\s*([^=;\s]+)=([^;]*)/.exec(line) ?? []
      if (!KEPT.test(name) || value.length > MAX_VALUE_CHARACTERS) continue
      if (/;\s*max-age=(?:0|-\d+)\s*(?:;|$)/i.test(line) || value === '') cookies.delete(name)
      else if (cookies.has(name) || cookies.size < MAX_COOKIES) cookies.set(name, value.trim())
    }
    const bytes = [...cookies].reduce((sum, [name, value]) => sum + name.length + value.length, 0)
    this.#accounts.set(accountId, cookies, bytes)
  }

  /** The `cookie` header's value; undefined if there are none. */
  header(accountId: string): string | undefined {
    const cookies = this.#accounts.get(accountId)
    if (cookies === undefined || cookies.size === 0) return undefined
    return [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }
}
