import type { JsonObject } from '../../lib/json.ts'
import type { GatewayError } from '../../turn/errors.ts'
import type { ErrorForm } from '../../turn/frontend.ts'

/** google.rpc.Code by HTTP status. */
const STATUS_WORDS: Readonly<Record<number, string>> = {
  401: 'UNAUTHENTICATED',
  402: 'PERMISSION_DENIED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ABORTED',
  429: 'RESOURCE_EXHAUSTED',
  499: 'CANCELLED',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
}

/** The error envelope of this API: the gateway's code and the path stand in an `ErrorInfo`, when to retry in a `RetryInfo`. */
export function toGeminiError(error: GatewayError): JsonObject {
  const { status, message, retryAfterSeconds } = error
  const word = STATUS_WORDS[status] ?? (status >= 500 ? 'INTERNAL' : 'INVALID_ARGUMENT')
  const retry =
    retryAfterSeconds === undefined
      ? []
      : [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${retryAfterSeconds}s` }]
  return { error: { code: status, message, status: word, details: [toErrorInfo(error), ...retry] } }
}

/** Its metadata are texts. */
function toErrorInfo({ code, kind, param, details }: GatewayError): JsonObject {
  const entries = Object.entries({ ...details, param }).filter(([, value]) => value !== null && value !== undefined)
  return {
    '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
    reason: (code ?? kind).toUpperCase(),
    domain: 'codexway',
    metadata: Object.fromEntries(
      entries.map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
    ),
  }
}

const METHOD = /^\/v1\/models\/[^/]*:(?:generateContent|streamGenerateContent|countTokens)$/

/** This API's clients send one of these with every request, or its key in the address. */
export function isGeminiClient(headers: Readonly<Record<string, string>>): boolean {
  return headers['x-goog-api-key'] !== undefined || headers['x-goog-api-client'] !== undefined
}

/** Paths of this protocol, and whatever else a client of it asks for. */
export const geminiErrors: ErrorForm = {
  covers: (path, headers) => path.startsWith('/v1beta/') || METHOD.test(path) || isGeminiClient(headers),
  body: toGeminiError,
  headers: () => ({}),
}
