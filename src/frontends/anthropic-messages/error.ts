import type { ErrorObject } from '@anthropic-ai/sdk/resources/shared'
import type { JsonObject } from '../../lib/json.ts'
import type { ErrorKind, GatewayError } from '../../turn/errors.ts'
import type { ErrorForm } from '../../turn/frontend.ts'

/** `request_too_large` and `conflict_error` are documented, but missing in the SDK's union. */
type ErrorType = ErrorObject['type'] | 'request_too_large' | 'conflict_error'

const TYPE_OF_STATUS: Readonly<Record<number, ErrorType>> = {
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  409: 'conflict_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
}

/** Of the 503s those that a moment's patience helps. */
const BUSY: ReadonlySet<ErrorKind> = new Set(['server_is_overloaded', 'gateway_busy', 'shutting_down'])

/**
 * The error envelope of this API. It has no place for a code and a parameter; they stand in `details`, where the official
 * SDK looks for `error_code`.
 */
export function toMessagesError(error: GatewayError, requestId: string | null): JsonObject {
  const { message, code, param } = error
  const details = { ...error.details, ...given('error_code', code), ...given('param', param) }
  const shown = Object.keys(details).length === 0 ? {} : { details }
  return { type: 'error', error: { type: toType(error), message, ...shown }, request_id: requestId }
}

/** Paths of this protocol, and whatever else a client of it asks for: its version header is on every request. */
export const messagesErrors: ErrorForm = {
  covers: (path, headers) =>
    headers['anthropic-version'] !== undefined || path === '/v1/messages' || /^\/(v1\/messages|anthropic)\//.test(path),
  body: toMessagesError,
  headers: (requestId) => ({ 'request-id': requestId }),
}

function toType({ kind, status }: GatewayError): ErrorType {
  if (BUSY.has(kind)) return 'overloaded_error'
  return TYPE_OF_STATUS[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error')
}

function given(key: string, value: string | null): JsonObject {
  return value === null ? {} : { [key]: value }
}
