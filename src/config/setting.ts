import { z } from 'zod'

/** A key with a default. An empty YAML value (`null`) counts as not set, here as in the other kinds of keys. */
export function setting<T extends z.ZodType>(schema: T, fallback: z.core.util.NoUndefined<z.output<T>>, doc: string) {
  return z.preprocess(emptyAsUnset, schema.default(fallback)).describe(doc)
}

/** A key that may stay without a value. */
export function optionalSetting<T extends z.ZodType>(schema: T, doc: string) {
  return z.preprocess(emptyAsUnset, schema.optional()).describe(doc)
}

/** A map of known keys: any other key is a problem, all of them have defaults. */
export function section<T extends z.core.$ZodShape>(shape: T, doc: string) {
  const schema = z.strictObject(shape)
  // Every key of a section can be left out, which the type of the shape cannot say.
  return z.preprocess((value) => value ?? {}, schema.prefault({} as z.input<typeof schema>)).describe(doc)
}

function emptyAsUnset(value: unknown): unknown {
  return value ?? undefined
}
