import { arrayAt, isObject, type JsonObject } from '../../lib/json.ts'
import { invalidField } from '../../turn/errors.ts'
import { asObject } from '../../turn/read-body.ts'
import { camelKeys } from './spelling.ts'

/** Below it the walk cannot exhaust the stack. */
const MAX_DEPTH = 100
/** Numbers that this API writes as text. */
const COUNTS = ['minItems', 'maxItems', 'minLength', 'maxLength', 'minProperties', 'maxProperties']

/**
 * This API's own kind of schema (OpenAPI's, types in capitals) → JSON Schema. What is JSON Schema already stays as it is.
 * @throws GatewayError with the path of what is no schema
 */
export function toJsonSchema(value: unknown, path: string, depth = 0): JsonObject {
  if (depth > MAX_DEPTH) throw invalidField(path, `${path} is nested too deeply.`)
  const { nullable, propertyOrdering: _order, example, ...schema } = camelKeys(asObject(value, path))
  const converted: JsonObject = { ...schema }
  if (example !== undefined) converted.examples = [example]
  convertType(converted)
  for (const key of COUNTS) {
    const count = converted[key]
    if (typeof count === 'string' && /^\d+$/.test(count)) converted[key] = Number(count)
  }
  if (isObject(schema.properties)) {
    const entries = Object.entries(schema.properties).map(([name, child]) => {
      return [name, toJsonSchema(child, `${path}.properties.${name}`, depth + 1)] as const
    })
    converted.properties = Object.fromEntries(entries)
  }
  if (isObject(schema.items)) converted.items = toJsonSchema(schema.items, `${path}.items`, depth + 1)
  const choices = arrayAt(schema, 'anyOf')
  if (choices !== undefined) {
    converted.anyOf = choices.map((child, index) => toJsonSchema(child, `${path}.anyOf[${index}]`, depth + 1))
  }
  return nullable === true ? withNull(converted) : converted
}

function convertType(schema: JsonObject): void {
  const { type } = schema
  if (type === 'TYPE_UNSPECIFIED') delete schema.type
  else if (typeof type === 'string') schema.type = type.toLowerCase()
  else if (Array.isArray(type)) {
    schema.type = type.map((word: unknown) => (typeof word === 'string' ? word.toLowerCase() : word))
  }
}

function withNull(schema: JsonObject): JsonObject {
  const { type, anyOf, enum: values } = schema
  return {
    ...schema,
    ...(typeof type === 'string' ? { type: [type, 'null'] } : {}),
    ...(Array.isArray(anyOf) ? { anyOf: [...anyOf, { type: 'null' }] } : {}),
    ...(Array.isArray(values) ? { enum: [...values, null] } : {}),
  }
}
