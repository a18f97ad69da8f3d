import { arrayAt, isObject, type JsonObject, objectAt } from '../lib/json.ts'
import { GatewayError } from './errors.ts'

const MAPS = ['properties', '$defs', 'definitions'] as const
const LISTS = ['anyOf', 'oneOf', 'allOf', 'prefixItems'] as const

/**
 * Strict schemas must close every object and require every property; the backend refuses others with a message that
 * names no place (connector.md §7.2).
 * @param path of the schema as the client wrote it
 * @throws GatewayError with the path of the object at fault
 */
export function checkStrictSchema(
  schema: unknown,
  path: string,
  kind: 'invalid_function_parameters' | 'invalid_json_schema',
): void {
  if (!isObject(schema)) return
  checkObject(schema, path, kind)
  for (const key of MAPS) {
    for (const [name, child] of Object.entries(objectAt(schema, key) ?? {}))
      checkStrictSchema(child, `${path}.${key}.${name}`, kind)
  }
  for (const key of LISTS) {
    for (const [index, child] of (arrayAt(schema, key) ?? []).entries())
      checkStrictSchema(child, `${path}.${key}[${index}]`, kind)
  }
  checkStrictSchema(schema.items, `${path}.items`, kind)
}

function checkObject(
  schema: JsonObject,
  path: string,
  kind: 'invalid_function_parameters' | 'invalid_json_schema',
): void {
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
