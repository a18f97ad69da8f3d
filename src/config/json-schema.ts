import { z } from 'zod'
import { configSchema } from './schema.ts'
import type { SchemaNode } from './value-words.ts'

/** The configuration file's JSON Schema, for editors. */
export function toConfigJsonSchema(): SchemaNode {
  const schema = z.toJSONSchema(configSchema, {
    io: 'input',
    override: ({ jsonSchema }) => {
      // Keys of a map are always text.
      if (jsonSchema.propertyNames !== undefined && Object.keys(jsonSchema.propertyNames).length <= 1) {
        delete jsonSchema.propertyNames
      }
      // `openai_codex:` with nothing behind it is fine.
      if (jsonSchema.properties !== undefined) {
        jsonSchema.type = ['object', 'null'] as never
        delete jsonSchema.default
      }
    },
  })
  // Ours uses no more of JSON Schema than SchemaNode says.
  return { ...schema, title: 'codexway configuration' } as SchemaNode
}

/** The part of the schema that describes the value at a path. */
export function nodeAt(schema: SchemaNode, path: readonly PropertyKey[]): SchemaNode | undefined {
  let node: SchemaNode | undefined = schema
  for (const key of path) {
    if (node === undefined) return undefined
    const { properties, additionalProperties: values } = node
    const items: SchemaNode | undefined = node.items ?? node.anyOf?.find((option) => option.items !== undefined)?.items
    if (typeof key === 'number') node = items
    else if (properties !== undefined && Object.hasOwn(properties, key)) node = properties[String(key)]
    else node = typeof values === 'object' ? values : undefined
  }
  return node
}
