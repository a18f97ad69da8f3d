import { isObject, type JsonObject, objectAt, stringAt } from '../../lib/json.ts'
import { maskSecrets } from '../../lib/redact.ts'

/** What the backend said, whichever of its shapes it came in (backend-facts.md §9). */
export interface Complaint {
  /** Fit to be shown: no secrets, no HTML, no stack trace; '' if there is none. */
  readonly message: string
  readonly code: string | undefined
  readonly type: string | undefined
  readonly param: string | undefined
  /** Where further members (`resets_at`, …) are. */
  readonly body: JsonObject
}

const MAX_MESSAGE_CHARACTERS = 4000
const MARKUP = /<(?:!doctype|html|head|body|script)\b/i

/** `{"error":{…}}`, `{"error":"…"}`, `{"detail":"…"}`, `{"detail":{…}}`, `{"detail":[{…}]}` and flat bodies alike. */
export function readComplaint(body: JsonObject): Complaint {
  const { detail } = body
  const first: unknown = Array.isArray(detail) ? detail[0] : detail
  const inner = objectAt(body, 'error') ?? (isObject(first) ? first : body)
  const message =
    stringAt(inner, 'message') ??
    stringAt(inner, 'msg') ??
    (typeof first === 'string' ? first : undefined) ??
    stringAt(body, 'error') ??
    stringAt(body, 'message')
  return {
    message: toShown(message ?? ''),
    code: stringAt(inner, 'code'),
    type: stringAt(inner, 'type'),
    param: stringAt(inner, 'param') ?? toParam(inner.loc),
    body: inner,
  }
}

/** Text of the other side, made fit for a client. */
export function toShown(text: string): string {
  if (MARKUP.test(text)) return ''
  const [withoutTrace = ''] = text.split(/\n\s+at /, 1)
  return maskSecrets(withoutTrace.trim()).slice(0, MAX_MESSAGE_CHARACTERS)
}

/** `["body", "input", 0]` of a validation error → `input.0`. */
function toParam(location: unknown): string | undefined {
  if (!Array.isArray(location)) return undefined
  const path = location.filter((step) => step !== 'body').join('.')
  return path === '' ? undefined : path
}
