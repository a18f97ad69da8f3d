import type { Exchange } from './exchange.ts'

/** The `{id}` of `…/v1/models/{id}`. A broken escape names no model; as it stands it is looked up, and not found. */
export function toModelId({ path }: Exchange): string {
  const segment = path.replace(/^.*?\/v1\/models\//, '')
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
