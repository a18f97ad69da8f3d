import type { JsonObject } from '../lib/json.ts'

/** Where warnings go: fields for machines, a fixed sentence for people. Never a token in either. */
export type Warn = (fields: JsonObject, message: string) => void

/** Says each thing once, until it has been right again. */
export interface WarnOnce {
  (about: string, fields: JsonObject, message: string): void
  /** What the warning was about is over: the next time it is news. */
  over(about: string): void
}

export function createWarnOnce(warn: Warn): WarnOnce {
  const said = new Set<string>()
  const once = (about: string, fields: JsonObject, message: string) => {
    if (said.has(about)) return
    said.add(about)
    warn(fields, message)
  }
  return Object.assign(once, { over: (about: string) => void said.delete(about) })
}
