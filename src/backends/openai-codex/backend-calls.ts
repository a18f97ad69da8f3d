import { arrayAt, isObject, type JsonObject, parseJsonObject } from '../../lib/json.ts'
import { SendError } from '../../lib/send-error.ts'
import type { CredentialSource } from '../../turn/connector.ts'
import { GatewayError } from '../../turn/errors.ts'
import type { ClientIdentity } from './cli-profile.ts'
import { toHttpFailure } from './failures.ts'
import { buildCallHeaders } from './headers.ts'
import { type HttpClient, isConnectError } from './http-client.ts'

export interface CallOptions {
  readonly client: HttpClient
  readonly credentials: CredentialSource
  readonly identity: ClientIdentity
  readonly baseUrl: string
}

const TIMEOUT_MS = 30_000

/** `GET <base>/models` (upstream.md §3). */
export async function fetchModels(
  options: CallOptions,
  signal: AbortSignal,
): Promise<{ models: JsonObject[]; etag: string | undefined }> {
  const url = `${options.baseUrl}/models?client_version=${options.identity.clientVersion}`
  const { body, headers } = await get(options, url, signal)
  const models = arrayAt(body, 'models')
  if (models === undefined)
    throw new GatewayError('upstream_bad_response', 'The backend answered without a model list.')
  return { models: models.filter(isObject), etag: headers.etag }
}

/** `GET …/wham/usage` (upstream.md §4). */
export async function fetchUsage(options: CallOptions, signal: AbortSignal): Promise<JsonObject> {
  const url = `${options.baseUrl.replace(/\/codex$/, '')}/wham/usage`
  return (await get(options, url, signal)).body
}

async function get(options: CallOptions, url: string, signal: AbortSignal) {
  const { client, credentials, identity } = options
  let credential = await credentials.current(signal)
  for (let mayRenew = true; ; mayRenew = false) {
    const response = await client.request(
      { method: 'GET', url, headers: buildCallHeaders(identity, credential), timeoutMs: TIMEOUT_MS },
      signal,
    )
    const bodyText = await response.body.text(32 * 1024 * 1024)
    if (response.status === 200) return { body: parseJsonObject(bodyText) ?? {}, headers: response.headers }
    if (response.status !== 401 || !mayRenew) {
      throw toHttpFailure({ ...response, bodyText }, { endpoint: 'responses', slug: '', host: new URL(url).host })
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

/** The issuer's side of the same client; a request without an answer throws a `SendError`. */
export function createSend(client: HttpClient) {
  return async ({ method, url, headers, body }: SimpleRequest, signal: AbortSignal) => {
    try {
      const request = {
        method,
        url,
        headers: Object.entries(headers),
        timeoutMs: TIMEOUT_MS,
        ...(body === undefined ? {} : { body }),
      }
      const response = await client.request(request, signal)
      return { status: response.status, headers: response.headers, bodyText: await response.body.text() }
    } catch (error) {
      const { host } = new URL(url)
      throw new SendError(`no answer from ${host}`, { reached: !isConnectError(error), host, cause: error })
    }
  }
}
