import { type JsonObject, numberAt, objectAt, parseJsonObject } from '../../lib/json.ts'
import type { Endpoint } from '../../turn/endpoint.ts'
import { type ErrorKind, type ErrorOptions, GatewayError } from '../../turn/errors.ts'
import type { TurnEvent } from '../../turn/events.ts'
import { type Complaint, readComplaint, toShown } from './complaint.ts'
import { toErrorHeaders } from './response-headers.ts'
import { readRetryAfter } from './retry-after.ts'

/** Where a failure happened, as far as its wording needs it. */
export interface FailureContext {
  readonly endpoint: Endpoint
  readonly slug: string
  readonly host: string
  /** The token the request went with: a backend that quotes it is not to be quoted in turn, whatever it looks like. */
  readonly token?: string
}

export interface HttpFailure {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly bodyText: string
}

interface Failure extends Complaint {
  /** Of the answer, or of an event that states one. */
  readonly status: number | undefined
  readonly headers: Readonly<Record<string, string>>
  /** The body or event around the complaint. */
  readonly whole: JsonObject
  readonly event?: TurnEvent
}

const MODEL_REFUSED =
  /model is not supported|model not found|requires a newer version of codex|does not exist or you do not have access/i
const OVERLOADED = new Set(['server_is_overloaded', 'overloaded_error', 'slow_down'])
const LIMITED = new Set(['usage_limit_reached', 'insufficient_quota', 'usage_limit'])
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
  const body = parseJsonObject(bodyText) ?? { message: toShown(bodyText).slice(0, 500) }
  return toError({ ...readComplaint(body), status, headers, whole: body }, context)
}

/** `response.failed` and `error` events, as the client's error; the event itself rides along. */
export function toEventFailure(event: TurnEvent, context: FailureContext): GatewayError {
  const { fields } = event
  const error = objectAt(fields, 'error') ?? objectAt(objectAt(fields, 'response') ?? {}, 'error')
  // A flat event's own `type` is the event's, not the error's.
  const { type: _eventType, ...flat } = fields
  const complaint = readComplaint(error === undefined ? flat : { error })
  const status = numberAt(fields, 'status') ?? numberAt(fields, 'status_code')
  const headers = Object.entries(objectAt(fields, 'headers') ?? {}).map(([name, value]) => [
    name.toLowerCase(),
    String(value),
  ])
  return toError({ ...complaint, status, headers: Object.fromEntries(headers), whole: fields, event }, context)
}

/** What Cloudflare puts between us and the backend; none of it is the backend's word. */
function isBlocked({ status, headers, bodyText }: HttpFailure): boolean {
  if (headers['cf-mitigated'] !== undefined) return true
  const text = bodyText.trimStart()
  const isHtml = /^text\/html/i.test(headers['content-type'] ?? '') || /^<(?:!doctype|html)/i.test(text)
  return (isHtml && parseJsonObject(text) === undefined) || (status === 404 && text === '')
}

function toError(failure: Failure, context: FailureContext): GatewayError {
  const { headers, whole, event } = failure
  const { kind, message, ...options } = classify(failure, context)
  const retryAfterSeconds = readRetryAfter(headers, whole)
  return new GatewayError(kind, withoutToken(message ?? messageOf(failure), context), {
    ...options,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    ...(event === undefined ? {} : { event }),
    headers: toErrorHeaders(headers),
  })
}

function withoutToken(text: string, { token }: FailureContext): string {
  return token === undefined || token === '' ? text : text.replaceAll(token, '[secret]')
}

interface Verdict extends ErrorOptions {
  readonly kind: ErrorKind
  /** Instead of the backend's own. */
  readonly message?: string
}

/** The rows of connector.md §13.1, the most telling first: words and codes before the status. */
function classify(failure: Failure, context: FailureContext): Verdict {
  return byMessage(failure, context) ?? byCode(failure, context) ?? byStatus(failure)
}

function byMessage(failure: Failure, { slug }: FailureContext): Verdict | undefined {
  const { message, status, code } = failure
  if (status !== undefined && status !== 400 && status !== 404) return undefined
  if (/instructions are (?:not valid|required)/i.test(message)) {
    return {
      kind: 'codex_instructions_invalid',
      message: `${message} — the backend refused the instructions. Use prompt_mode "codex_default" (the default) or "merge_custom".`,
    }
  }
  const parameter = /unsupported parameter: ['"]?([\w[\]-]+(?:\.[\w[\]-]+)*)/i.exec(message)?.[1]
  if (parameter !== undefined) return { kind: 'unsupported_parameter', param: parameter }
  if (/model is at capacity/i.test(message)) return { kind: 'server_is_overloaded' }
  if (MODEL_REFUSED.test(message) || code === 'model_not_found') {
    return {
      kind: 'model_not_found',
      param: 'model',
      message: `${messageOf(failure)} (asked for "${slug}"; GET /v1/models lists what there is)`,
    }
  }
  if (/encrypted content .*could not be (?:verified|decrypted)/is.test(message)) {
    return { kind: 'invalid_encrypted_content' }
  }
  return undefined
}

/** What the client's protocol calls the conversation. */
const CONVERSATION_FIELDS: Readonly<Record<Endpoint, string>> = {
  chat: 'messages',
  completions: 'prompt',
  messages: 'messages',
  responses: 'input',
  ollama: 'messages',
  gemini: 'contents',
  images: 'prompt',
}

function byCode(failure: Failure, { endpoint }: FailureContext): Verdict | undefined {
  const { code, type, status, message } = failure
  const words = [code ?? '', type ?? '']
  const word = (known: ReadonlySet<string>) => words.find((candidate) => known.has(candidate))
  if (words.includes('context_length_exceeded') || /exceeds the context window/i.test(message)) {
    return { kind: 'context_length_exceeded', param: CONVERSATION_FIELDS[endpoint] }
  }
  if (words.includes('invalid_encrypted_content')) return { kind: 'invalid_encrypted_content' }
  if (word(LIMITED) !== undefined) return usageLimit(failure)
  if (words.includes('usage_not_included')) {
    const said = message === '' ? '' : `${message} `
    return {
      kind: 'usage_not_included',
      status: status === 429 ? 429 : 403,
      message: `${said}The plan of this ChatGPT account does not include Codex usage; choose a plan that does.`,
    }
  }
  if (word(OVERLOADED) !== undefined) return { kind: 'server_is_overloaded' }
  if (words.includes('rate_limit_exceeded')) return { kind: 'rate_limit_exceeded' }
  const policy = word(POLICY)
  if (policy !== undefined) return { kind: 'upstream_refused', status: 400, code: policy, ...paramOf(failure) }
  if (words.includes('deactivated_workspace')) {
    return {
      kind: 'deactivated_workspace',
      message:
        'The ChatGPT workspace of this account is deactivated. Signing in again does not help: ask its administrator, or use another account.',
    }
  }
  return undefined
}

function byStatus(failure: Failure): Verdict {
  const { status, event, code, type, message } = failure
  const refused: Verdict = { kind: 'upstream_refused', code: code ?? null, ...paramOf(failure) }
  if (status === undefined) return type === 'invalid_request_error' ? refused : { kind: 'server_error' }
  if (status === 401) {
    return {
      kind: 'codex_auth_rejected',
      message: `The backend refused the sign-in: ${message === '' ? 'no reason given' : message}`,
    }
  }
  if (status === 403) return { kind: 'codex_forbidden', ...(code === undefined ? {} : { code }) }
  if (status === 429) return { kind: 'rate_limit_exceeded' }
  if (status >= 400 && status < 500) return { ...refused, status }
  const isPassedOn = event === undefined && [500, 502, 503, 504].includes(status)
  return { kind: 'server_error', status: isPassedOn ? status : 502 }
}

/** Connector.md §13.1: the reset in the message, the plan and the times kept beside it. */
function usageLimit({ message, body, whole }: Failure): Verdict {
  const details: JsonObject = {}
  for (const key of ['plan_type', 'resets_at', 'resets_in_seconds']) {
    if (body[key] !== undefined) details[key] = body[key]
  }
  const said = (message === '' ? 'The usage limit has been reached' : message).replace(/[\s.]*$/, '.')
  const resetsAtMs = resetTime(body, whole)
  const reset = resetsAtMs === undefined ? '' : ` It resets at ${toIsoSeconds(resetsAtMs)}.`
  return { kind: 'usage_limit_reached', details, message: `${said}${reset}` }
}

function resetTime(body: JsonObject, whole: JsonObject): number | undefined {
  const resetsAt = numberAt(body, 'resets_at')
  if (resetsAt !== undefined) return resetsAt * 1000
  const seconds = readRetryAfter({}, whole)
  return seconds === undefined ? undefined : Date.now() + seconds * 1000
}

function toIsoSeconds(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? 'an unknown time' : date.toISOString().replace(/\.\d+Z$/, 'Z')
}

function paramOf({ param }: Failure): { param?: string } {
  return param === undefined ? {} : { param }
}

function messageOf({ message, status, code, type }: Failure): string {
  if (message !== '') return message
  const word = code ?? type
  const reason = word === undefined ? '' : ` (${word})`
  return status === undefined
    ? `The backend reported a failure${reason} without a message.`
    : `The backend answered HTTP ${status}${reason} without a message.`
}

/** An event that cannot be read took a part of the answer with it. */
export function brokenEvent(host: string): GatewayError {
  return new GatewayError('upstream_bad_response', `${host} sent an event that is no JSON. Try again.`)
}
