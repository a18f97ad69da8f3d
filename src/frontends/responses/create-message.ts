import { isObject, type JsonObject, wordOf } from '../../lib/json.ts'
import { GatewayError, invalidField } from '../../turn/errors.ts'
import type { SocketMessage } from '../../turn/frontend.ts'
import { readBoolean, readString } from '../../turn/read-body.ts'
import type { ClientRequest } from '../../turn/turn.ts'
import { parseResponsesRequest } from './request.ts'

/** Headers of a POST that a message says in its metadata, since a socket has only those of its upgrade (upstream.md §1.3). */
const IN_METADATA = [
  'x-codex-turn-metadata',
  'x-codex-window-id',
  'x-codex-parent-thread-id',
  'x-openai-subagent',
] as const
/** The same for any other header: for the connection it came over, not for the backend's. */
const HEADER_MARK = 'ws_request_header_'

/** A `response.create` message: the fields of a POST, `stream` without a meaning (upstream.md §2). */
export function parseCreateMessage(message: JsonObject, request: ClientRequest): SocketMessage {
  const { type, generate: _generate, stream: _stream, stream_id: lane, ...body } = message
  if (type !== 'response.create') {
    throw invalidField('type', `A message is a "response.create" here, not "${wordOf(type).slice(0, 100)}".`)
  }
  if ((lane ?? undefined) !== undefined) {
    throw new GatewayError(
      'unsupported_parameter',
      'A connection has one lane here: responses follow one another. Open a connection for each that is to run beside others.',
      { param: 'stream_id' },
    )
  }
  const isWarmUp = readBoolean(message, 'generate') === false
  const mayBeEmpty = isWarmUp || readString(body, 'previous_response_id') !== undefined
  const metadata = isObject(body.client_metadata) ? body.client_metadata : undefined
  if (metadata !== undefined) body.client_metadata = withoutHeaders(metadata)
  const headers = { ...request.headers, ...headersIn(metadata ?? {}) }
  return { turn: parseResponsesRequest({ ...body, stream: true }, { ...request, headers }, { mayBeEmpty }), isWarmUp }
}

function headersIn(metadata: JsonObject): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const name of IN_METADATA) {
    const value = metadata[name]
    if (typeof value === 'string') headers[name] = value
  }
  return headers
}

function withoutHeaders(metadata: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => !key.startsWith(HEADER_MARK)))
}
