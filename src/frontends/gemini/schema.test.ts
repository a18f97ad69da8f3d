import { expect, test } from 'vitest'
import { GatewayError } from '../../turn/errors.ts'
import { toJsonSchema } from './schema.ts'

test('this API’s schemas become JSON Schema', () => {
  const schema = {
    type: 'OBJECT',
    properties: {
      type: { type: 'STRING', enum: ['a'], nullable: true },
      list: { type: 'ARRAY', items: { type: 'INTEGER' }, min_items: '1' },
      either: { anyOf: [{ type: 'NUMBER' }, { type: 'BOOLEAN' }], nullable: true },
    },
    propertyOrdering: ['list'],
    required: ['type'],
    example: {},
  }
  expect(toJsonSchema(schema, 's')).toEqual({
    type: 'object',
    properties: {
      type: { type: ['string', 'null'], enum: ['a', null] },
      list: { type: 'array', items: { type: 'integer' }, minItems: 1 },
      either: { anyOf: [{ type: 'number' }, { type: 'boolean' }, { type: 'null' }] },
    },
    required: ['type'],
    examples: [{}],
  })
})

test('JSON Schema stays as it is, nesting without end is refused', () => {
  const plain = { type: 'object', properties: { my_name: { $ref: '#/$defs/a' } }, $defs: { a: { type: 'string' } } }
  expect(toJsonSchema(plain, 's')).toEqual(plain)
  const deep = Array.from({ length: 5000 }).reduce<object>((items) => ({ type: 'ARRAY', items }), {})
  expect(() => toJsonSchema(deep, 's')).toThrow(GatewayError)
})
