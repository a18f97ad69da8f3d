import { type JsonObject, wordOf } from '../lib/json.ts'

/** An answer in place of a stream. */
export interface Refusal {
  readonly status: number
  readonly body: JsonObject
}

/** The short body shape (backend-facts.md §9). */
export function detail(text: string, status = 400): Refusal {
  return { status, body: { detail: text } }
}

/** The platform's body shape. */
export function apiError(message: string, fields: { param?: string; code?: string; status?: number } = {}): Refusal {
  const { param = null, code = null, status = 400 } = fields
  return { status, body: { error: { message, type: 'invalid_request_error', param, code } } }
}

export function missing(param: string): Refusal {
  return apiError(`Missing required parameter: '${param}'.`, { param, code: 'missing_required_parameter' })
}

export function unknownParameter(param: string): Refusal {
  return apiError(`Unknown parameter: '${param}'.`, { param, code: 'unknown_parameter' })
}

export function wrongType(param: string, expected: string): Refusal {
  return apiError(`Invalid type for '${param}': expected ${expected}.`, { param, code: 'invalid_type' })
}

export function wrongValue(param: string, value: unknown, supported: readonly string[]): Refusal {
  const list = supported.map((word) => `'${word}'`).join(', ')
  return apiError(`Invalid value: '${wordOf(value)}'. Supported values are: ${list}.`, {
    param,
    code: 'invalid_value',
  })
}

/** The first refusal of a list of checks, in order. */
export function firstOf<T>(values: Iterable<T>, check: (value: T) => Refusal | undefined): Refusal | undefined {
  for (const value of values) {
    const refusal = check(value)
    if (refusal !== undefined) return refusal
  }
  return undefined
}
