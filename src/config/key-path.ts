/** The keys from the top of the configuration down. */
export type KeyPath = readonly string[]

/** `a.b."c.d"`: keys that hold a dot, a quote or nothing are quoted. */
export function toKeyText(path: readonly PropertyKey[]): string {
  return path.map((key) => (/^[^."\s]+$/.test(String(key)) ? String(key) : JSON.stringify(String(key)))).join('.')
}

/**
 * Reads what `toKeyText` writes. Behind `model_aliases.` stands one key, dots and all: model names have them.
 * @returns undefined if a key is empty or a quote does not close
 */
export function parseKeyText(text: string): string[] | undefined {
  const alias = /^model_aliases\.([^"].*)$/.exec(text)?.[1]
  if (alias !== undefined) return ['model_aliases', alias]
  const keys: string[] = []
  const part = /"((?:[^"\\]|\\.)*)"(?:\.|$)|([^."]+)(?:\.|$)/y
  while (part.lastIndex < text.length) {
    const match = part.exec(text)
    if (match === null) return undefined
    keys.push(match[2] ?? (match[1] ?? '').replace(/\\(.)/g, '$1'))
  }
  return keys.length === 0 || text.endsWith('.') ? undefined : keys
}
