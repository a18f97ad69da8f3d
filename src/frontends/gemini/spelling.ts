import type { JsonObject } from '../../lib/json.ts'
import { GEMINI_FIELDS } from './fields.ts'

/** This API takes every name in both spellings, `inlineData` and `inline_data`. */
export function camelKeys(object: JsonObject): JsonObject {
  const entries = Object.entries(object).map(([key, value]) => [toCamel(key), value] as const)
  // The usual spelling wins over the other.
  return Object.fromEntries([...entries, ...Object.entries(object).filter(([key]) => toCamel(key) === key)])
}

/** The same for the request itself, whose keys may also be ours: those are spelled with `_`. */
export function camelFields(body: JsonObject): JsonObject {
  const entries = Object.entries(body).map(([key, value]) => {
    const camel = toCamel(key)
    return [camel !== key && Object.hasOwn(GEMINI_FIELDS, camel) ? camel : key, value] as const
  })
  return Object.fromEntries([...entries, ...Object.entries(body).filter(([key]) => Object.hasOwn(GEMINI_FIELDS, key))])
}

function toCamel(key: string): string {
  return key.replace(/(?<=[a-z0-9])_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}
