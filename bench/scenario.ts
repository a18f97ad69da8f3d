import type { Target } from './targets.ts'

/** Between two deltas of a paced stream, ms. */
export const PACE_MS = 20
export const PACED_DELTAS = 100

/** What may be changed from the command line. */
export interface Settings {
  readonly rounds: number
  readonly requests: number
  readonly concurrency: number
  readonly deltas: number
  readonly idle: number
  readonly soak: number
}

/** One line of the table. Values in the unit of `measure`, by target name. */
export interface Row {
  readonly scenario: string
  readonly measure: string
  readonly values: Readonly<Record<string, number>>
  /** Codexway's share of the bare pipe's; undefined where a comparison means nothing. */
  readonly ratio: number | undefined
  /** What the ratio, or the value, should be at most. */
  readonly goal?: string
}

export interface Scenario {
  readonly name: string
  run(targets: readonly Target[], settings: Settings): Promise<readonly Row[]>
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
