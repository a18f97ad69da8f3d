import type { JsonObject } from '../lib/json.ts'
import { invalidField } from './errors.ts'

/** OpenAI's `stop` (connector.md §10); empty = none. @throws GatewayError */
export function readStop(fields: JsonObject): string[] {
  const stop = fields.stop ?? undefined
  if (stop === undefined) return []
  const list: unknown[] = Array.isArray(stop) ? stop : [stop]
  const texts = list.filter((entry): entry is string => typeof entry === 'string' && entry !== '')
  if (list.length >= 1 && list.length <= 4 && texts.length === list.length) return texts
  throw invalidField('stop', 'stop must be a non-empty string or a list of one to four of them.')
}
