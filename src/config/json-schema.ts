import { z } from 'zod'
import { configSchema } from './schema.ts'

/** The configuration file's JSON Schema, for editors. */
export function toConfigJsonSchema(): object {
  return z.toJSONSchema(configSchema, { io: 'input' })
}
