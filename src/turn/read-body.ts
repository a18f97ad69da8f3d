import { isObject, type JsonObject } from '../lib/json.ts'
import { invalidField } from './errors.ts'

/** `undefined` for absent and null: OpenAI's APIs treat an explicit null like an absent field. */
export function readString(object: JsonObject, key: string, path = key): string | undefined {
  const value = object[key] ?? undefined
  if (value === undefined || typeof value === 'string') return value
  throw invalidField(path, `${path} must be a string.`)
}

export function readBoolean(object: JsonObject, key: string, path = key): boolean | undefined {
  const value = object[key] ?? undefined
  if (value === undefined || typeof value === 'boolean') return value
  throw invalidField(path, `${path} must be true or false.`)
}

export function readArray(object: JsonObject, key: string, path = key): unknown[] | undefined {
  const value = object[key] ?? undefined
  if (value === undefined || Array.isArray(value)) return value
  throw invalidField(path, `${path} must be an array.`)
}

export function readObject(object: JsonObject, key: string, path = key): JsonObject | undefined {
  const value = object[key] ?? undefined
  if (value === undefined || isObject(value)) return value
  throw invalidField(path, `${path} must be an object.`)
}

/** @throws GatewayError if it is no plain object */
export function asObject(value: unknown, path: string): JsonObject {
  if (isObject(value)) return value
  throw invalidField(path, `${path} must be an object.`)
}
