import { invalidField } from '../turn/errors.ts'
import type { ModelWishes } from '../turn/model.ts'

/** Lowest first (connector.md §4.5). */
export const EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max', 'ultra'] as const
export const VERBOSITIES = ['low', 'medium', 'high'] as const
export const SUMMARIES = ['auto', 'concise', 'detailed', 'none'] as const

export type Effort = (typeof EFFORTS)[number]
export type Verbosity = (typeof VERBOSITIES)[number]
export type Summary = (typeof SUMMARIES)[number]

/** Where the client wrote each wish, for the error's `param`. A service tier is never an error. */
export interface WishPaths {
  readonly effort: string
  readonly verbosity: string
  readonly summary: string
}

export interface CheckedWishes {
  readonly effort: Effort | undefined
  readonly verbosity: Verbosity | undefined
  readonly summary: Summary | undefined
  readonly serviceTier: string | undefined
}

/** @throws GatewayError 400 naming the path of a word that is not on its list; case does not matter */
export function checkWishes(wishes: ModelWishes, paths: WishPaths): CheckedWishes {
  return {
    effort: checkWord('reasoning effort', EFFORTS, wishes.effort, paths.effort),
    verbosity: checkWord('verbosity', VERBOSITIES, wishes.verbosity, paths.verbosity),
    summary: checkWord('reasoning summary', SUMMARIES, wishes.summary, paths.summary),
    serviceTier: wishes.serviceTier?.toLowerCase(),
  }
}

export function isEffort(word: string): word is Effort {
  const words: readonly string[] = EFFORTS
  return words.includes(word)
}

function checkWord<W extends string>(
  label: string,
  words: readonly W[],
  value: string | undefined,
  path: string,
): W | undefined {
  if (value === undefined) return undefined
  const word = words.find((known) => known === value.toLowerCase())
  if (word !== undefined) return word
  throw invalidField(path, `"${value.slice(0, 100)}" is no ${label}. Use one of: ${words.join(', ')}.`)
}
