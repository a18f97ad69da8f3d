import { type JsonObject, parseJsonObject, stringAt } from '../../lib/json.ts'
import type { Credential } from '../../turn/connector.ts'
import { GatewayError } from '../../turn/errors.ts'
import type { CallOptions } from './backend-calls.ts'
import { toCodexUrl } from './backend-urls.ts'
import type { CookieJar } from './cookies.ts'
import { toHttpFailure } from './failures.ts'
import { buildPostHeaders } from './headers.ts'
import { toClientHeaders } from './response-headers.ts'

/** The backend's calls besides turns that a client may have made for it (upstream.md §4). */
export const FORWARDED = ['images/generations', 'images/edits', 'alpha/search'] as const
export type ForwardedPath = (typeof FORWARDED)[number]

export interface ForwardOptions extends CallOptions {
  readonly path: ForwardedPath
  readonly body: JsonObject
  /** Limit for connecting and the first byte, and for every silence after it. */
  readonly timeoutMs: number
  readonly cookies: Pick<CookieJar, 'header'>
}

export interface Forwarded {
  /** JSON, as the backend wrote it. */
  readonly text: string
  /** For the client (connector.md §12.1). */
  readonly headers: Readonly<Record<string, string>>
}

/** Images come as base64 text. */
const MAX_BODY_BYTES = 64 * 1024 * 1024

/**
 * Asks the backend the same thing with the account's token and our headers; none of the client's go along. After a 401
 * once more with another token; never again otherwise, since what it asks for costs quota.
 * @throws GatewayError for whatever is no JSON object under a good status
 */
export async function forward(options: ForwardOptions, signal: AbortSignal): Promise<Forwarded> {
  const { client, credentials, identity, path, body, timeoutMs, cookies } = options
  const url = toCodexUrl(options.baseUrl, path)
  const { host } = new URL(url)
  const slug = stringAt(body, 'model') ?? ''
  const bytes = JSON.stringify(body)
  let credential: Credential = await credentials.current(signal)
  for (let mayRenew = true; ; mayRenew = false) {
    const headers = buildPostHeaders(identity, credential, {
      contentType: 'application/json',
      cookie: cookies.header(credential.accountId ?? ''),
    })
    const response = await client.request({ method: 'POST', url, headers, body: bytes, timeoutMs }, signal)
    const text = await response.body.text(MAX_BODY_BYTES)
    if (response.status >= 200 && response.status <= 299) {
      if (parseJsonObject(text) !== undefined) return { text, headers: toClientHeaders(response.headers, slug) }
      throw new GatewayError('upstream_bad_response', `${host} answered with something other than a JSON object.`)
    }
    if (response.status !== 401 || !mayRenew) {
      const { status, headers: answered } = response
      const { token } = credential
      throw toHttpFailure({ status, headers: answered, bodyText: text }, { endpoint: 'responses', slug, host, token })
    }
    credential = await credentials.renew(credential, signal)
  }
}
