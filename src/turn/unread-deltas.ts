import type { ByteString } from '../lib/byte-string.ts'
import { DeltaReader, slotOf } from './delta.ts'
import { DeltaRun } from './delta-run.ts'
import { indexAt, type TurnEvent } from './events.ts'
import type { TokenBudget } from './token-budget.ts'

type Part = TurnEvent | DeltaRun

/**
 * Deltas that cannot reach a token limit, since no token is shorter than a byte. As long as all their bytes together fit
 * nothing looks into them; then only the bytes of their texts count.
 */
export class UnreadDeltas {
  readonly #budget: TokenBudget
  readonly #reader = new DeltaReader()
  readonly #places = new Set<string>()
  #parts: Part[] = []
  #bytes = 0

  constructor(budget: TokenBudget) {
    this.#budget = budget
  }

  /** @returns false if they may reach the limit; nothing has been taken then */
  take(part: Part): boolean {
    const bytes = part instanceof DeltaRun ? part.text.length : part.json.length
    if (!this.#budget.fits(this.#bytes + bytes)) {
      this.flush()
      return this.#takeTexts(part)
    }
    this.#parts.push(part)
    this.#bytes += bytes
    return true
  }

  /** Hands the texts over to the budget: they come before whatever is counted next. */
  flush(): void {
    for (const part of this.#parts) this.#takeTexts(part)
    this.#parts = []
    this.#bytes = 0
  }

  /** @param place output and content index, `0:0` */
  has(place: string): boolean {
    return this.#places.has(place) || this.#parts.some((part) => placeOf(part) === place)
  }

  #takeTexts(part: Part): boolean {
    const literals = part instanceof DeltaRun ? part.literals() : [this.#reader.read(part).literal]
    if (!this.#budget.fits(bytesOf(literals))) return false
    this.#budget.takeUncounted(literals)
    this.#places.add(placeOf(part))
    return true
  }
}

/** Without their quotes. */
function bytesOf(literals: readonly ByteString[]): number {
  return literals.reduce((sum, literal) => sum + literal.length - 2, 0)
}

/** A delta that names no index is of the first item, or part. */
function placeOf(part: Part): string {
  if (part instanceof DeltaRun) return `${part.place.outputIndex}:${part.place.partIndex}`
  const slot = slotOf(part)
  const index = typeof slot === 'number' && slot >= 0 ? slot : 0
  return `${index}:${indexAt(part, 'content_index') ?? 0}`
}
