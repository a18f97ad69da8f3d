import { arrayAt, isObject, type JsonObject, parseJsonObject } from '../../lib/json.ts'
import { SendError } from '../../lib/send-error.ts'
import type { Credential, CredentialSource } from '../../turn/connector.ts'
import { GatewayError } from '../../turn/errors.ts'
import { toModelsUrl, toWhamUrl } from './backend-urls.ts'
import type { ClientIdentity } from './cli-profile.ts'
import { toHttpFailure } from './failures.ts'
import { buildCallHeaders } from './headers.ts'
import type { HttpClient, HttpRequest } from './http-client.ts'
import { toWhamHeaders } from './workspace.ts'

export interface CallOptions {
  readonly client: HttpClient
  readonly credentials: CredentialSource
  readonly identity: ClientIdentity
  readonly baseUrl: string
}

const TIMEOUT_MS = 30_000
/** A catalogue carries every model's base text. */
const MAX_BODY_BYTES = 32 * 1024 * 1024

/**
 * `GET <base>/models` (upstream.md §3).
 * @throws GatewayError also for an answer that is no model list
 */
export async function fetchModels(
  options: CallOptions,
  signal: AbortSignal,
): Promise<{ models: JsonObject[]; etag: string | undefined }> {
  const { identity, baseUrl } = options
  const url = toModelsUrl(baseUrl, identity.clientVersion)
  const { body, headers } = await get(options, url, (credential) => buildCallHeaders(identity, credential), signal)
  const models = arrayAt(body, 'models')
  if (models === undefined) {
    throw new GatewayError('upstream_bad_response', `${new URL(url).host} answered without a model list.`)
  }
  return { models: models.filter(isObject), etag: headers.etag }
}

/** `GET …/wham/usage` (upstream.md §4): the backend's own answer. @throws GatewayError */
export async function fetchUsage(options: CallOptions, signal: AbortSignal): Promise<JsonObject> {
  const url = toWhamUrl(options.baseUrl, 'usage')
  const toHeaders = (credential: Credential) => toWhamHeaders(buildCallHeaders(options.identity, credential))
  return (await get(options, url, toHeaders, signal)).body
}

/**
 * Asks without a token whether anybody answers at an address.
 * @returns the status, whatever it is
 * @throws GatewayError `upstream_unreachable` or `upstream_timeout`
 */
export async function probe({ client, identity }: CallOptions, url: string, signal: AbortSignal): Promise<number> {
  const { originator, userAgent } = identity
  const headers = Object.entries({ originator, 'user-agent': userAgent, accept: '*/*' })
  const { status, body } = await client.request({ method: 'GET', url, headers, timeoutMs: TIMEOUT_MS }, signal)
  await body.text(MAX_BODY_BYTES)
  return status
}

/** One GET with the account's token; after a 401 once more with another one (connector.md §3.4). */
async function get(
  { client, credentials }: CallOptions,
  url: string,
  toHeaders: (credential: Credential) => HttpRequest['headers'],
  signal: AbortSignal,
) {
  const { host } = new URL(url)
  let credential = await credentials.current(signal)
  for (let mayRenew = true; ; mayRenew = false) {
    const request = { method: 'GET', url, headers: toHeaders(credential), timeoutMs: TIMEOUT_MS } as const
    const { status, headers, body } = await client.request(request, signal)
    const bodyText = await body.text(MAX_BODY_BYTES)
    if (status === 200) {
      const answer = parseJsonObject(bodyText)
      if (answer !== undefined) return { body: answer, headers }
      throw new GatewayError('upstream_bad_response', `${host} answered with something other than a JSON object.`)
    }
    if (status !== 401 || !mayRenew) {
      const { token } = credential
      throw toHttpFailure({ status, headers, bodyText }, { endpoint: 'responses', slug: '', host, token })
    }
    credential = await credentials.renew(credential, signal)
  }
}

interface SimpleRequest {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

/**
 * Towards the issuer: sent exactly once, and over a connection of its own, since a refresh token works once and one lost
 * on a dead idle connection could not be told from one used up. A request without a whole answer throws a `SendError`.
 */
export function createSend(openClient: () => HttpClient, timeoutMs = TIMEOUT_MS) {
  return async ({ method, url, headers, body }: SimpleRequest, signal: AbortSignal) => {
    const client = openClient()
    try {
      const request = {
        method,
        url,
        headers: Object.entries(headers),
        timeoutMs,
        isOnce: true,
        ...(body === undefined ? {} : { body }),
      }
      const response = await client.request(request, signal)
      return { status: response.status, headers: response.headers, bodyText: await response.body.text() }
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      // It is behind whatever stopped a request; a cut answer has none, since the request has arrived.
      if (error.cause instanceof SendError) throw error.cause
      const { host } = new URL(url)
      throw new SendError(error.code ?? error.kind, { reached: true, host, cause: error })
    } finally {
      await client.close()
    }
  }
}
