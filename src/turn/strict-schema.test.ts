import { expect, test } from 'vitest'
import { GatewayError } from './errors.ts'
import { checkStrictSchema } from './strict-schema.ts'

function fault(schema: unknown): unknown {
  try {
    checkStrictSchema(schema, 'root', 'invalid_json_schema')
  } catch (error) {
    if (error instanceof GatewayError) return [error.code, error.param]
    throw error
  }
  return undefined
}

const closed = (properties: object, more: object = {}) => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
  ...more,
})
const open = { type: 'object', properties: {} }

test('closed objects that require every property pass, and so does what is no object', () => {
  expect(fault(closed({ a: { type: 'string' }, b: closed({}) }))).toBeUndefined()
  expect(fault({ type: 'string', default: { type: 'object' } })).toBeUndefined()
  expect(fault(undefined)).toBeUndefined()
})

test('T-09: the path names the object at fault, wherever it is nested', () => {
  const cases: [unknown, string][] = [
    [open, 'root'],
    [closed({ a: open }), 'root.properties.a'],
    [closed({ a: { type: 'array', items: open } }), 'root.properties.a.items'],
    [closed({ a: { type: 'array', items: [open] } }), 'root.properties.a.items[0]'],
    [closed({ a: { type: 'array', prefixItems: [closed({}), open] } }), 'root.properties.a.prefixItems[1]'],
    [closed({ a: { anyOf: [{ type: 'null' }, open] } }), 'root.properties.a.anyOf[1]'],
    [closed({ a: { oneOf: [open] } }), 'root.properties.a.oneOf[0]'],
    [closed({ a: { allOf: [open] } }), 'root.properties.a.allOf[0]'],
    [closed({}, { $defs: { b: open } }), 'root.$defs.b'],
    [closed({}, { definitions: { b: open } }), 'root.definitions.b'],
    [closed({ a: { type: ['object', 'null'] } }), 'root.properties.a'],
    [closed({ a: {} }, { required: [] }), 'root'],
    [closed({}, { additionalProperties: true }), 'root'],
  ]
  for (const [schema, path] of cases) expect(fault(schema)).toEqual(['invalid_json_schema', path])
})

test('H-08: a schema nested without end is refused, not walked', () => {
  let schema: unknown = closed({})
  for (let i = 0; i < 10_000; i++) schema = { type: 'array', items: schema }
  expect(fault(schema)).toEqual(['invalid_json_schema', `root${'.items'.repeat(101)}`])
})
