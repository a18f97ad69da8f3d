import type { JsonObject } from '../lib/json.ts'
import { invalidField } from './errors.ts'

/** Every name clients use for a limit on the answer's tokens. */
export const TOKEN_LIMIT_FIELDS = ['max_tokens', 'max_completion_tokens', 'max_output_tokens'] as const

/** The smallest of them (connector.md §10). @throws GatewayError if one is no integer ≥ 1 */
export function readTokenLimit(fields: JsonObject): number | undefined {
  const limits = TOKEN_LIMIT_FIELDS.flatMap((name) => {
    const value = fields[name] ?? undefined
    if (value === undefined) return []
    if (typeof value === 'number' && Number.isInteger(value) && value >= 1) return [value]
    throw invalidField(name, `${name} must be an integer of at least 1.`)
  })
  return limits.length === 0 ? undefined : Math.min(...limits)
}
