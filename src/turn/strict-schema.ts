import { arrayAt, isObject, type JsonObject, objectAt } from '../lib/json.ts'
import { GatewayError } from './errors.ts'

const MAPS = ['properties', '$defs', 'definitions'] as const
const LISTS = ['anyOf', 'oneOf', 'allOf', 'prefixItems', 'items'] as const
/** Ten times what OpenAI takes; below it the walk cannot exhaust the stack. */
const MAX_DEPTH = 100

/**
 * Strict schemas must close every object and require every property; the backend refuses others with a message that
 * names no place (connector.md §7.2).
 * @param path of the schema as the client wrote it
 * @throws GatewayError with the path of the object at fault
 */
export function checkStrictSchema(schema: unknown, path: string, kind: SchemaErrorKind): void {
  checkNode(schema, path, kind, 0)
}

/** True if the backend would take the schema as a strict one. */
export function isStrictSchema(schema: unknown): boolean {
  try {
    checkStrictSchema(schema, '', 'invalid_json_schema')
    return isObject(schema)
  } catch (error) {
    if (error instanceof GatewayError) return false
    throw error
  }
}

type SchemaErrorKind = 'invalid_function_parameters' | 'invalid_json_schema'

function checkNode(schema: unknown, path: string, kind: SchemaErrorKind, depth: number): void {
  if (!isObject(schema)) return
  if (depth > MAX_DEPTH) throw new GatewayError(kind, 'The schema is nested too deeply.', { param: path })
  checkObject(schema, path, kind)
  for (const [childPath, child] of childrenOf(schema)) checkNode(child, path + childPath, kind, depth + 1)
}

function childrenOf(schema: JsonObject): (readonly [path: string, schema: unknown])[] {
  const named = MAPS.flatMap((key) =>
    Object.entries(objectAt(schema, key) ?? {}).map(([name, child]) => [`.${key}.${name}`, child] as const),
  )
  const listed = LISTS.flatMap((key) =>
    (arrayAt(schema, key) ?? []).map((child, index) => [`.${key}[${index}]`, child] as const),
  )
  return [...named, ...listed, ['.items', schema.items]]
}

function checkObject(schema: JsonObject, path: string, kind: SchemaErrorKind): void {
  const properties = objectAt(schema, 'properties')
  const isObjectSchema = schema.type === 'object' || (Array.isArray(schema.type) && schema.type.includes('object'))
  if (!isObjectSchema && properties === undefined) return
  if (schema.additionalProperties !== false) {
    throw new GatewayError(
      kind,
      `A strict schema needs "additionalProperties": false on every object; ${path} lacks it.`,
      { param: path },
    )
  }
  const required = arrayAt(schema, 'required') ?? []
  const missing = Object.keys(properties ?? {}).filter((name) => !required.includes(name))
  if (missing.length > 0) {
    throw new GatewayError(
      kind,
      `A strict schema must list every property in "required"; ${path} lacks: ${missing.join(', ')}.`,
      {
        param: path,
      },
    )
  }
}
