import type { JsonObject } from '../lib/json.ts'
import { maskSecrets } from '../lib/redact.ts'
import type { TurnEvent } from './events.ts'

interface ErrorRow {
  status: number
  /** The `code` clients see unless the error names its own; null where OpenAI sends null. */
  code: string | null
  /** OpenAI's `type`, where it is not the one that goes with the status. */
  type?: string
  /** Answered with `x-should-retry: false`: trying again cannot help. */
  final?: true
}

/**
 * Every error this gateway answers with (connector.md §3.5, §13.1, §13.2, §14). `kind` is the only thing code branches on.
 */
export const ERROR_TABLE = {
  // The request itself
  invalid_request: { status: 400, code: null },
  invalid_json: { status: 400, code: 'invalid_json' },
  unsupported_parameter: { status: 400, code: 'unsupported_parameter' },
  invalid_capability: { status: 400, code: 'invalid_capability' },
  invalid_image_url: { status: 400, code: 'invalid_image_url' },
  invalid_function_parameters: { status: 400, code: 'invalid_function_parameters' },
  invalid_json_schema: { status: 400, code: 'invalid_json_schema' },
  missing_tool_output: { status: 400, code: 'missing_tool_output' },
  previous_response_not_found: { status: 400, code: 'previous_response_not_found' },
  response_not_found: { status: 404, code: null },
  context_length_exceeded: { status: 400, code: 'context_length_exceeded' },
  model_not_found: { status: 404, code: 'model_not_found' },

  // The server surface
  invalid_api_key: { status: 401, code: 'invalid_api_key' },
  host_not_allowed: { status: 403, code: 'host_not_allowed' },
  origin_not_allowed: { status: 403, code: 'origin_not_allowed' },
  unknown_url: { status: 404, code: 'unknown_url' },
  method_not_allowed: { status: 405, code: 'method_not_allowed', type: 'invalid_request_error' },
  request_timeout: { status: 408, code: 'request_timeout' },
  request_too_large: { status: 413, code: 'request_too_large' },
  unsupported_media_type: { status: 415, code: 'unsupported_media_type', type: 'invalid_request_error' },
  response_in_progress: { status: 409, code: 'response_in_progress' },
  too_many_connections: { status: 503, code: 'too_many_connections' },
  upgrade_required: { status: 426, code: 'upgrade_required', type: 'invalid_request_error' },
  gateway_busy: { status: 503, code: 'gateway_busy' },
  shutting_down: { status: 503, code: 'shutting_down' },

  // Credentials
  codex_auth_missing: { status: 401, code: 'codex_auth_missing' },
  codex_auth_malformed: { status: 401, code: 'codex_auth_malformed' },
  codex_auth_missing_token: { status: 401, code: 'codex_auth_missing_token' },
  codex_auth_expired: { status: 401, code: 'codex_auth_expired' },
  codex_auth_rejected: { status: 401, code: 'codex_auth_rejected' },
  codex_auth_refresh_failed: { status: 503, code: 'codex_auth_refresh_failed', type: 'authentication_error' },

  // What the backend said
  codex_instructions_invalid: { status: 400, code: 'codex_instructions_invalid' },
  invalid_encrypted_content: { status: 400, code: 'invalid_encrypted_content' },
  deactivated_workspace: { status: 402, code: 'deactivated_workspace', final: true },
  codex_forbidden: { status: 403, code: 'codex_forbidden', final: true },
  usage_not_included: { status: 403, code: 'usage_not_included', final: true },
  /** The plan has no image generation, or the model would not. */
  image_not_made: { status: 403, code: 'image_not_made', final: true },
  usage_limit_reached: { status: 429, code: 'usage_limit_reached', type: 'usage_limit_reached', final: true },
  rate_limit_exceeded: { status: 429, code: 'rate_limit_exceeded' },
  server_is_overloaded: { status: 503, code: 'server_is_overloaded' },
  server_error: { status: 502, code: 'server_error' },
  /** Any other refusal, passed on with the backend's own status and code. */
  upstream_refused: { status: 400, code: null },

  // The way to the backend
  upstream_blocked: { status: 502, code: 'upstream_blocked', final: true },
  upstream_redirect: { status: 502, code: 'upstream_redirect' },
  upstream_bad_response: { status: 502, code: 'upstream_bad_response' },
  upstream_unreachable: { status: 502, code: 'upstream_unreachable' },
  upstream_timeout: { status: 504, code: 'upstream_timeout' },
  upstream_stream_ended: { status: 502, code: 'upstream_stream_ended' },

  /** The client left; nothing is sent, 499 is what the log shows. */
  cancelled: { status: 499, code: 'cancelled', type: 'invalid_request_error' },
  internal_error: { status: 500, code: 'internal_error' },
} as const satisfies Record<string, ErrorRow>

export type ErrorKind = keyof typeof ERROR_TABLE

export interface ErrorOptions {
  /** Overrides the table's status; only for what the backend itself decided. */
  status?: number
  /** The backend's own code, kept. */
  code?: string | null
  /** Path of the offending field as the client wrote it, e.g. `messages[3].tool_call_id`. */
  param?: string | null
  /** Whole seconds until another try makes sense. */
  retryAfterSeconds?: number
  /** Further members of the `error` object, e.g. `plan_type`, `resets_at`. */
  details?: JsonObject
  /** Answer headers that belong to this failure (`x-codex-*`, `x-request-id`, `allow`). */
  headers?: Record<string, string>
  /** The backend's own terminal event, which the Responses door relays as it is. */
  event?: TurnEvent
  /** The reason below this one: kept for the log, never shown. */
  cause?: unknown
}

/** The one error class. `message` is shown to the client: it says what happened and what to do, and holds no secret. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly kind: ErrorKind
  readonly status: number
  readonly type: string
  readonly code: string | null
  readonly param: string | null
  readonly retryAfterSeconds: number | undefined
  readonly details: JsonObject
  readonly headers: Record<string, string>
  readonly event: TurnEvent | undefined

  constructor(kind: ErrorKind, message: string, options: ErrorOptions = {}) {
    super(maskSecrets(message), options.cause === undefined ? undefined : { cause: options.cause })
    const row: ErrorRow = ERROR_TABLE[kind]
    this.kind = kind
    this.status = options.status ?? row.status
    this.code = options.code === undefined ? row.code : maskText(options.code)
    this.type = row.type ?? typeOfStatus(this.status)
    this.param = maskText(options.param ?? null)
    this.retryAfterSeconds = options.retryAfterSeconds
    this.details = maskMembers(options.details ?? {})
    this.headers = options.headers ?? {}
    this.event = options.event?.masked()
  }

  /** True where official SDKs must be told not to retry (`x-should-retry: false`, connector.md §12.1). */
  get isFinal(): boolean {
    const row: ErrorRow = ERROR_TABLE[this.kind]
    return row.final === true
  }

  /** The one place where an unknown throw becomes `internal_error`. */
  static from(thrown: unknown): GatewayError {
    if (thrown instanceof GatewayError) return thrown
    return new GatewayError(
      'internal_error',
      'The gateway failed on its own account. The request id names it in the log.',
      {
        cause: thrown,
      },
    )
  }
}

/** The OpenAI error body: all four keys, always (connector.md §13). */
export function toOpenAiError(error: GatewayError): { error: JsonObject } {
  const { message, type, param, code } = error
  return { error: { ...error.details, message, type, param, code } }
}

/** What the head of an answer says of a failure, besides its status (connector.md §12.1). */
export function toErrorHead({ headers, retryAfterSeconds, isFinal }: GatewayError): Record<string, string> {
  return {
    ...headers,
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
    ...(isFinal ? { 'x-should-retry': 'false' } : {}),
  }
}

/** A 400 for one field of the client's body. */
export function invalidField(param: string, message: string): GatewayError {
  return new GatewayError('invalid_request', message, { param })
}

/** The backend may repeat what it was sent. */
function maskText(text: string | null): string | null {
  return text === null ? null : maskSecrets(text)
}

function maskMembers(object: JsonObject): JsonObject {
  const text = JSON.stringify(object)
  const masked = maskSecrets(text)
  return masked === text ? object : (JSON.parse(masked) as JsonObject)
}

/** Connector.md §13.1, last line. */
function typeOfStatus(status: number): string {
  if (status === 401) return 'authentication_error'
  if (status === 402 || status === 403) return 'permission_error'
  if (status === 429) return 'rate_limit_error'
  return status >= 500 ? 'server_error' : 'invalid_request_error'
}
