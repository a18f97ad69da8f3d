import { arrayAt, isObject, type JsonObject, objectAt } from '../lib/json.ts'

const MAPS = ['properties', '$defs', 'definitions'] as const
const LISTS = ['anyOf', 'oneOf', 'allOf', 'prefixItems'] as const

/** What is wrong with a strict schema, as the backend words it (backend-facts.md §9); undefined = nothing. */
export function findStrictFault(schema: JsonObject, context: readonly string[] = []): string | undefined {
  const own = findOwnFault(schema, context)
  if (own !== undefined) return own
  for (const [step, child] of childrenOf(schema)) {
    const fault = findStrictFault(child, [...context, ...step])
    if (fault !== undefined) return fault
  }
  return undefined
}

function findOwnFault(schema: JsonObject, context: readonly string[]): string | undefined {
  const properties = objectAt(schema, 'properties')
  const isObjectSchema = schema.type === 'object' || (Array.isArray(schema.type) && schema.type.includes('object'))
  if (!isObjectSchema && properties === undefined) return undefined
  const place = `In context=(${context.map((step) => `'${step}'`).join(', ')})`
  if (schema.additionalProperties !== false) {
    return `${place}, 'additionalProperties' is required to be supplied and to be false`
  }
  const required = arrayAt(schema, 'required') ?? []
  const lacking = Object.keys(properties ?? {}).find((name) => !required.includes(name))
  return lacking === undefined
    ? undefined
    : `${place}, 'required' is required to be supplied and to be an array including every key in properties. Missing '${lacking}'`
}

function* childrenOf(schema: JsonObject): Generator<[string[], JsonObject]> {
  for (const key of MAPS) {
    for (const [name, child] of Object.entries(objectAt(schema, key) ?? {})) {
      if (isObject(child)) yield [[key, name], child]
    }
  }
  for (const key of LISTS) {
    for (const [index, child] of (arrayAt(schema, key) ?? []).entries()) {
      if (isObject(child)) yield [[key, String(index)], child]
    }
  }
  if (isObject(schema.items)) yield [['items'], schema.items]
}
