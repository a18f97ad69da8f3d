export type JsonObject = Record<string, unknown>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The member if it is a string, else undefined. */
export function stringAt(object: JsonObject, key: string): string | undefined {
  const value = object[key]
  return typeof value === 'string' ? value : undefined
}

/** The member if it is a finite number, else undefined. */
export function numberAt(object: JsonObject, key: string): number | undefined {
  const value = object[key]
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

/** The member if it is a plain object, else undefined. */
export function objectAt(object: JsonObject, key: string): JsonObject | undefined {
  const value = object[key]
  return isObject(value) ? value : undefined
}

/** The member if it is an array, else undefined. */
export function arrayAt(object: JsonObject, key: string): unknown[] | undefined {
  const value = object[key]
  return Array.isArray(value) ? value : undefined
}

/** The members that have a value. */
export function withoutUndefined<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const filled: { [K in keyof T]?: Exclude<T[K], undefined> } = {}
  for (const key in object) {
    const value = object[key]
    if (value !== undefined) filled[key] = value as Exclude<T[typeof key], undefined>
  }
  return filled
}

/** A value of any type as a text to look up or show; an object with a `toString` of its own does no harm here. */
export function wordOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

export function parseJsonObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
