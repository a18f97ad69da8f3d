import { isObject, type JsonObject } from '../../../lib/json.ts'
import { type Identity, withIdentity } from '../identity.ts'
import type { Payload } from '../payload.ts'
import { inputOf } from './continuation.ts'

export interface MessageOptions {
  /** Unix milliseconds, stated to the backend. */
  readonly nowMs: number
  /** The held response the new input goes on from, and where in the conversation the new input begins. */
  readonly continues?: { readonly responseId: string; readonly from: number }
}

/** A `response.create` message: the POST body's fields in the CLI's order (upstream.md §2). */
export function toCreateMessage(payload: Payload, identity: Identity, options: MessageOptions): JsonObject {
  const { continues } = options
  const body = withIdentity(payload, identity)
  const message: JsonObject = { type: 'response.create' }
  for (const [key, value] of Object.entries(body)) {
    if (key === 'client_metadata') continue
    if (key === 'input' && continues !== undefined) {
      message.previous_response_id = continues.responseId
      message.input = inputOf(body).slice(continues.from)
    } else message[key] = value
  }
  return withMetadata(message, body.client_metadata, payload, options)
}

/**
 * The message that opens a conversation: everything but the conversation, and no answer wanted. What it gives is an id
 * to go on from.
 */
export function toWarmUpMessage(payload: Payload, identity: Identity, options: MessageOptions): JsonObject {
  const body = withIdentity(payload, identity, 'prewarm')
  const { client_metadata: metadata, ...fields } = body
  return withMetadata({ type: 'response.create', ...fields, input: [], generate: false }, metadata, payload, options)
}

/**
 * What HTTP says in headers stands in the metadata of a message. A passthrough body keeps its own metadata and gains
 * only what the backend could not know otherwise.
 */
function withMetadata(
  message: JsonObject,
  metadata: unknown,
  { isLite, isPassthrough }: Payload,
  { nowMs }: MessageOptions,
): JsonObject {
  const added = {
    ...(isPassthrough ? {} : { 'x-codex-ws-stream-request-start-ms': String(nowMs) }),
    ...(isLite ? { ws_request_header_x_openai_internal_codex_responses_lite: 'true' } : {}),
  }
  if (metadata === undefined && Object.keys(added).length === 0) return message
  // What is no object is the client's mistake, and the backend's to name.
  return { ...message, client_metadata: isObject(metadata ?? {}) ? { ...(metadata ?? {}), ...added } : metadata }
}
