import type { JsonObject } from '../lib/json.ts'

/** A catalogue entry, read once into what the gateway asks of it. */
export interface ModelEntry {
  readonly slug: string
  /** The entry as the backend sent it; undefined for built-in entries and configured slugs, which carry no prompt text. */
  readonly raw: JsonObject | undefined
  readonly isListed: boolean
  /** `use_responses_lite`. */
  readonly isLite: boolean
  /** Lower-case effort words, lowest first; empty = unknown. */
  readonly efforts: readonly string[]
  readonly defaultEffort: string | undefined
  readonly supportsVerbosity: boolean
  readonly defaultVerbosity: string | undefined
  readonly supportsSummaries: boolean
  readonly serviceTiers: readonly string[]
  /** The model's base text, from the live or cached catalogue only. */
  readonly baseInstructions: string | undefined
}

/** What the client's model string means. */
export interface ResolvedModel {
  /** Name of the backend instance. */
  readonly instance: string
  /** As the backend spells it, or as the client wrote it where the catalogue does not know it. */
  readonly slug: string
  /** undefined = not in the catalogue. */
  readonly entry: ModelEntry | undefined
  /** From the selector's query and effort or tier suffix; beats the body. */
  readonly query: ModelWishes
  /** From the alias target's query; the body beats it. */
  readonly aliasQuery: ModelWishes
}

/** Raw words; checked when they are settled. */
export interface ModelWishes {
  readonly effort?: string
  readonly verbosity?: string
  readonly summary?: string
  readonly serviceTier?: string
}

/** Values for the wire after ranks, clamping and the catalogue's limits (connector.md §4.5); absent = not sent. */
export interface ModelSettings {
  readonly effort?: string
  readonly summary?: string
  readonly verbosity?: string
  readonly serviceTier?: string
  /** `name=value` of every value a rule changed, e.g. `reasoning.effort=xhigh`. */
  readonly adjusted: readonly string[]
  /** Names left out because model or backend has no use for them: `verbosity`, `service_tier`. */
  readonly dropped: readonly string[]
}
