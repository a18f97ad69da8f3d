import { arrayAt, isObject, type JsonObject, objectAt, stringAt } from '../lib/json.ts'

const MAX_DEPTH = 12

/** Something small that fits a JSON Schema. `text` fills its strings. */
export function toSample(schema: unknown, text: string, root: unknown = schema, depth = 0): unknown {
  if (!isObject(schema) || depth > MAX_DEPTH) return null
  if ('const' in schema) return schema.const
  if (schema.default !== undefined) return schema.default
  const choices = arrayAt(schema, 'enum')
  if (choices !== undefined) return choices[0]
  const target = stringAt(schema, '$ref')
  if (target !== undefined) return toSample(resolveRef(target, root), text, root, depth + 1)
  const variant = arrayAt(schema, 'anyOf')?.[0] ?? arrayAt(schema, 'oneOf')?.[0] ?? arrayAt(schema, 'allOf')?.[0]
  if (variant !== undefined) return toSample(variant, text, root, depth + 1)
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type
  if (type === 'object' || objectAt(schema, 'properties') !== undefined) return toObject(schema, text, root, depth)
  if (type === 'array') return toArray(schema, text, root, depth)
  if (type === 'number' || type === 'integer') return typeof schema.minimum === 'number' ? schema.minimum : 1
  if (type === 'boolean') return false
  return type === 'null' ? null : text
}

/** Required members only. */
function toObject(schema: JsonObject, text: string, root: unknown, depth: number): JsonObject {
  const properties = objectAt(schema, 'properties') ?? {}
  const required = (arrayAt(schema, 'required') ?? []).filter((name) => typeof name === 'string')
  return Object.fromEntries(required.map((name) => [name, toSample(properties[name] ?? {}, text, root, depth + 1)]))
}

function toArray(schema: JsonObject, text: string, root: unknown, depth: number): unknown[] {
  const count = typeof schema.minItems === 'number' ? Math.min(schema.minItems, 8) : 1
  return isObject(schema.items)
    ? Array.from({ length: count }, () => toSample(schema.items, text, root, depth + 1))
    : []
}

/** `#/$defs/name` and the like. */
function resolveRef(target: string, root: unknown): unknown {
  if (!target.startsWith('#')) return {}
  const steps = target
    .slice(1)
    .split('/')
    .filter((step) => step !== '')
  return steps.reduce<unknown>((place, step) => (isObject(place) ? place[step] : undefined), root)
}
