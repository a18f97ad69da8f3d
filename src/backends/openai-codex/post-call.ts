import { type JsonObject, parseJsonObject } from '../../lib/json.ts'
import type { Credential } from '../../turn/connector.ts'
import type { Endpoint } from '../../turn/endpoint.ts'
import { GatewayError } from '../../turn/errors.ts'
import type { CallOptions } from './backend-calls.ts'
import { atOrigin } from './backend-urls.ts'
import type { CookieJar } from './cookies.ts'
import { toHttpFailure } from './failures.ts'
import { buildPostHeaders, type PostHeaders } from './headers.ts'
import { toClientHeaders } from './response-headers.ts'
import type { TransportObserver } from './transport.ts'
import type { WorkspaceFinder } from './workspace.ts'

export interface PostOptions extends CallOptions {
  /** Limit for connecting and the first byte, and for every silence after it. */
  readonly timeoutMs: number
  readonly cookies: Pick<CookieJar, 'header'>
  readonly workspaces: Pick<WorkspaceFinder, 'find'>
  readonly observer: Pick<TransportObserver, 'answered'>
}

export interface Post extends Omit<PostHeaders, 'cookie'> {
  readonly url: string
  readonly body: Buffer | string
  /** For the wording of failures. */
  readonly endpoint: Endpoint
  readonly slug: string
}

export interface Posted {
  readonly body: JsonObject
  /** For the client (connector.md §12.1). */
  readonly headers: Readonly<Record<string, string>>
}

/** Images come as base64 text. */
const MAX_BODY_BYTES = 64 * 1024 * 1024

/**
 * A call besides turns that brings a body. After a 401 once more with another token (connector.md §3.4); never again
 * otherwise, since what it asks for costs quota.
 * @throws GatewayError for whatever is no JSON object under a good status
 */
export async function postCall(options: PostOptions, post: Post, signal: AbortSignal): Promise<Posted> {
  const { client, credentials, identity, timeoutMs, cookies, workspaces, observer } = options
  let credential: Credential = await credentials.current(signal)
  for (let mayRenew = true; ; mayRenew = false) {
    const { origin } = await workspaces.find(credential, signal)
    const url = origin === undefined ? post.url : atOrigin(post.url, origin)
    const cookie = cookies.header(credential.accountId ?? '')
    const headers = buildPostHeaders(identity, credential, { ...post, cookie })
    const request = { method: 'POST', url, headers, body: post.body, timeoutMs, isOnce: true } as const
    const response = await client.request(request, signal)
    observer.answered(response, credential)
    const text = await response.body.text(MAX_BODY_BYTES)
    const { status } = response
    const { host } = new URL(url)
    if (status >= 200 && status <= 299) {
      const body = parseJsonObject(text)
      if (body !== undefined) return { body, headers: toClientHeaders(response.headers, post.slug) }
      throw new GatewayError('upstream_bad_response', `${host} answered with something other than a JSON object.`)
    }
    if (status !== 401 || !mayRenew) {
      const { endpoint, slug } = post
      const context = { endpoint, slug, host, token: credential.token }
      throw toHttpFailure({ status, headers: response.headers, bodyText: text }, context)
    }
    credential = await credentials.renew(credential, signal)
  }
}
