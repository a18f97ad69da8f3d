import type { IncomingHttpHeaders } from 'node:http'
import { isObject, type JsonObject, stringAt, wordOf } from '../lib/json.ts'
import type { RecordedRequest } from './records.ts'
import { apiError, type Refusal, wrongType } from './refusal.ts'
import type { CheckedRequest } from './rules.ts'

/** The marker that stands in for a request header, which a message has none of (upstream.md §1.3). */
const HEADER_MARK = 'ws_request_header_'
const LITE_HEADER = 'x-openai-internal-codex-responses-lite'

/** Refuses what makes no sense as a message; the rules of the body come after (upstream.md §2). */
export function findEnvelopeRefusal(body: JsonObject | undefined): Refusal | undefined {
  if (body === undefined) return apiError('The message is not valid JSON.', { code: 'invalid_json' })
  if (body.type !== 'response.create') {
    return apiError(`Invalid value: '${wordOf(body.type)}'. Supported values are: 'response.create'.`, {
      param: 'type',
      code: 'invalid_value',
    })
  }
  if (body.generate !== undefined && typeof body.generate !== 'boolean') return wrongType('generate', 'a boolean')
  const previous = body.previous_response_id
  if (previous !== undefined && previous !== null && typeof previous !== 'string') {
    return wrongType('previous_response_id', 'a string')
  }
  return undefined
}

export function isWarmUp(body: JsonObject): boolean {
  return body.generate === false
}

/** The message in the form the rules for POST know. */
export function toCheckable(
  { body, headers }: RecordedRequest,
  earlier: readonly JsonObject[],
): Omit<CheckedRequest, 'models' | 'unlistedModels'> {
  const { type, generate, previous_response_id: previous, ...fields } = body
  return {
    // The transport streams anyway; `store` may be left out (backend-facts.md §7).
    body: { stream: true, store: false, ...fields },
    headers: { ...headers, [LITE_HEADER]: undefined, ...toHeaders(fields.client_metadata) },
    earlier,
    isWarmUp: isWarmUp(body),
  }
}

function toHeaders(metadata: unknown): IncomingHttpHeaders {
  if (!isObject(metadata)) return {}
  const marked = Object.keys(metadata).filter((key) => key.startsWith(HEADER_MARK))
  const name = (key: string) => key.slice(HEADER_MARK.length).replaceAll('_', '-')
  return Object.fromEntries(marked.map((key) => [name(key), stringAt(metadata, key)]))
}

/** An error on a WebSocket (upstream.md §2). */
export function toErrorFrame(status: number, body: unknown, headers: JsonObject): JsonObject {
  return { type: 'error', status, error: toErrorObject(body), headers }
}

function toErrorObject(body: unknown): JsonObject {
  if (isObject(body) && isObject(body.error)) return body.error
  const detail = isObject(body) ? body.detail : body
  if (isObject(detail)) return { type: 'invalid_request_error', ...detail }
  return { type: 'invalid_request_error', message: typeof detail === 'string' ? detail : JSON.stringify(body) }
}
