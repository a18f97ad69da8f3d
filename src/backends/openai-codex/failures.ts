import { isObject, type JsonObject, objectAt, parseJsonObject, stringAt } from '../../lib/json.ts'
import { maskSecrets } from '../../lib/redact.ts'
import { type ErrorKind, type ErrorOptions, GatewayError } from '../../turn/errors.ts'
import type { TurnEvent } from '../../turn/events.ts'
import { readRetryAfter } from './retry-after.ts'

/** Where a failure happened, as far as its wording needs it. */
export interface FailureContext {
  readonly endpoint: 'chat' | 'responses'
  readonly slug: string
  readonly host: string
}

export interface HttpFailure {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly bodyText: string
}

/** What the backend said, whichever of its shapes it came in. */
interface Complaint {
  readonly status: number | undefined
  readonly message: string
  readonly code: string | undefined
  readonly type: string | undefined
  readonly param: string | undefined
  /** The `error` object or the whole body: where further members are looked for. */
  readonly body: JsonObject
  readonly headers: Readonly<Record<string, string>>
}

const MODEL_REFUSED =
  /model is not supported|model not found|requires a newer version of codex|does not exist or you do not have access/i
const OVERLOADED = new Set(['server_is_overloaded', 'overloaded_error', 'slow_down'])
const LIMIT = new Set(['usage_limit_reached', 'insufficient_quota', 'usage_limit'])
const POLICY = new Set(['invalid_prompt', 'cyber_policy', 'bio_policy'])

/** An answer that is no 200, as the client's error (connector.md §13.1; bodies: backend-facts.md §9). */
export function toHttpFailure(failure: HttpFailure, context: FailureContext): GatewayError {
  const { status, headers, bodyText } = failure
  if (status >= 300 && status < 400) {
    return new GatewayError(
      'upstream_redirect',
      `The backend at ${context.host} answered with a redirect (${status}), which is never followed with a token. Check base_url.`,
    )
  }
  if (isBlocked(failure)) {
    return new GatewayError(
      'upstream_blocked',
      `The edge in front of ${context.host} refused this network or client (HTTP ${status}). The credentials are fine; try another network, or wait.`,
    )
  }
  const body = parseJsonObject(bodyText) ?? {}
  return toFailure({ ...readComplaint(body), status, headers }, context)
}

/** `response.failed` and `error` events, as the client's error; the event itself rides along. */
export function toEventFailure(event: TurnEvent, context: FailureContext): GatewayError {
  const { fields } = event
  const error = objectAt(fields, 'error') ?? objectAt(objectAt(fields, 'response') ?? {}, 'error')
  const complaint = readComplaint(error === undefined ? fields : { error })
  const status = typeof fields.status === 'number' ? fields.status : fields.status_code
  const headers = objectAt(fields, 'headers') ?? {}
  return toFailure(
    {
      ...complaint,
      status: typeof status === 'number' ? status : undefined,
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)])),
    },
    context,
    event,
  )
}

function isBlocked({ status, headers, bodyText }: HttpFailure): boolean {
  if (headers['cf-mitigated'] !== undefined) return true
  const text = bodyText.trimStart()
  const isHtml = /^text\/html/i.test(headers['content-type'] ?? '') || /^<(?:!doctype|html)/i.test(text)
  return (isHtml && parseJsonObject(text) === undefined) || (status === 404 && text === '')
}

/** `{"detail":"…"}`, `{"detail":{"code"}}`, `{"error":{…}}` and flat bodies alike. */
function readComplaint(body: JsonObject): Omit<Complaint, 'status' | 'headers'> {
  const { detail } = body
  const inner = objectAt(body, 'error') ?? (isObject(detail) ? detail : body)
  const message =
    stringAt(inner, 'message') ?? (typeof detail === 'string' ? detail : undefined) ?? stringAt(body, 'error')
  return {
    message: maskSecrets(message ?? ''),
    code: stringAt(inner, 'code'),
    type: stringAt(inner, 'type'),
    param: stringAt(inner, 'param'),
    body: inner,
  }
}

function toFailure(complaint: Complaint, context: FailureContext, event?: TurnEvent): GatewayError {
  const { status, message, headers, body } = complaint
  const [kind, options, text] = classify(complaint, context)
  const retryAfterSeconds = readRetryAfter(headers, body)
  return new GatewayError(kind, text ?? (message === '' ? fallbackMessage(status, complaint.code) : message), {
    ...options,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    ...(event === undefined ? {} : { event }),
    headers: clientHeaders(headers),
  })
}

type Verdict = readonly [kind: ErrorKind, options: ErrorOptions, message?: string]

/** The rows of connector.md §13.1, the most telling first: words and codes before the status. */
function classify(complaint: Complaint, context: FailureContext): Verdict {
  return byMessage(complaint, context) ?? byCode(complaint, context) ?? byStatus(complaint)
}

function byMessage({ message, status, code }: Complaint, { slug }: FailureContext): Verdict | undefined {
  if (/instructions are (?:not valid|required)/i.test(message)) {
    return [
      'codex_instructions_invalid',
      {},
      `${message} — the backend refused the instructions. Use prompt_mode "codex_default" (the default) or "merge_custom".`,
    ]
  }
  const parameter = /unsupported parameter: ['"]?([\w.[\]]+)/i.exec(message)?.[1]
  if (parameter !== undefined) return ['unsupported_parameter', { param: parameter }]
  if (/model is at capacity/i.test(message)) return ['server_is_overloaded', {}]
  const isClientError = status === undefined || status === 400 || status === 404
  if (isClientError && (MODEL_REFUSED.test(message) || code === 'model_not_found')) {
    return [
      'model_not_found',
      { param: 'model' },
      `${message} (asked for "${slug}"; GET /v1/models lists what there is)`,
    ]
  }
  return undefined
}

function byCode(complaint: Complaint, { endpoint }: FailureContext): Verdict | undefined {
  const { code, type, status, message, body } = complaint
  const word = code ?? type ?? ''
  if (word === 'context_length_exceeded' || /exceeds the context window/i.test(message)) {
    return ['context_length_exceeded', { param: endpoint === 'chat' ? 'messages' : 'input' }]
  }
  if (word === 'invalid_encrypted_content') return ['invalid_encrypted_content', {}]
  if (LIMIT.has(word) || LIMIT.has(type ?? '')) return usageLimit(complaint)
  if (word === 'usage_not_included' || type === 'usage_not_included') {
    const advice = `${message === '' ? 'The plan does not include this.' : message} The plan of this ChatGPT account does not include Codex usage; choose a plan that does.`
    return ['usage_not_included', { status: status === 429 ? 429 : 403 }, advice]
  }
  if (OVERLOADED.has(word) || OVERLOADED.has(type ?? '')) return ['server_is_overloaded', {}]
  if (word === 'rate_limit_exceeded') return ['rate_limit_exceeded', {}]
  if (POLICY.has(word)) return ['upstream_refused', { status: 400, code: word, ...paramOf(body) }]
  if (word === 'deactivated_workspace') return deactivated()
  return undefined
}

function byStatus({ status, code, type, body, message }: Complaint): Verdict {
  switch (status) {
    case 401:
      return [
        'codex_auth_rejected',
        {},
        `The backend refused the sign-in: ${message === '' ? 'no reason given' : message}`,
      ]
    case 402:
      return ['upstream_refused', { status, code: code ?? null }]
    case 403:
      return ['codex_forbidden', code === undefined ? {} : { code }]
    case 429:
      return ['rate_limit_exceeded', {}]
    case 500:
    case 502:
    case 503:
    case 504:
      return ['server_error', { status }]
    default:
      break
  }
  if (status !== undefined && status >= 400 && status < 500) {
    return ['upstream_refused', { status, code: code ?? null, ...paramOf(body) }]
  }
  if (status === undefined && type === 'invalid_request_error') {
    return ['upstream_refused', { status: 400, code: code ?? null, ...paramOf(body) }]
  }
  return ['server_error', status === undefined || status < 500 ? {} : { status: 502 }]
}

function deactivated(): Verdict {
  return [
    'deactivated_workspace',
    {},
    'The ChatGPT workspace of this account is deactivated. Signing in again does not help: ask its administrator, or use another account.',
  ]
}

function usageLimit({ message, body }: Complaint): Verdict {
  const details: JsonObject = {}
  for (const key of ['plan_type', 'resets_at', 'resets_in_seconds'])
    if (body[key] !== undefined) details[key] = body[key]
  const seconds = readRetryAfter({}, body)
  const reset =
    seconds === undefined ? '' : ` It resets at ${new Date(Date.now() + seconds * 1000).toISOString().slice(0, 19)}Z.`
  return [
    'usage_limit_reached',
    { details },
    `${message === '' ? 'The usage limit has been reached' : message}.${reset}`.replace('..', '.'),
  ]
}

function paramOf(body: JsonObject): { param?: string } {
  const param = stringAt(body, 'param')
  return param === undefined ? {} : { param }
}

function fallbackMessage(status: number | undefined, code: string | undefined): string {
  const reason = code === undefined ? '' : ` (${code})`
  return status === undefined
    ? `The backend reported a failure${reason}.`
    : `The backend answered HTTP ${status}${reason} without a message.`
}

/** Limits and request ids help the client with an error as much as with an answer. */
function clientHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const kept = Object.entries(headers).filter(([name, value]) => name.startsWith('x-codex-') && value !== '')
  const requestId = headers['x-request-id'] ?? headers['x-oai-request-id']
  return { ...Object.fromEntries(kept), ...(requestId === undefined ? {} : { 'x-request-id': requestId }) }
}
