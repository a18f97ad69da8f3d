import type { ByteString } from '../lib/byte-string.ts'
import { SentText } from './sent-text.ts'
import { type CountTokens, loadTokenCounter } from './token-counter.ts'

/** Lets text through up to a number of o200k tokens, counted over the whole of it (connector.md §10). */
export class TokenBudget {
  readonly #limit: number
  #text = ''
  /** Taken behind `#text`, not decoded yet. */
  #uncounted = new SentText()
  /** Tokens of the text at the last exact count, and the bytes let through since: a token has at least one byte. */
  #counted = 0
  #bytesSince = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** True if as many bytes more cannot be too many tokens. */
  fits(bytes: number): boolean {
    return this.#counted + this.#bytesSince + bytes <= this.#limit
  }

  /**
   * Takes pieces that fit: they are neither counted nor decoded.
   * @param literals the pieces as JSON string literals, at least as long as their text
   */
  takeUncounted(literals: readonly ByteString[]): void {
    this.#uncounted.add(literals)
    for (const literal of literals) this.#bytesSince += literal.length - 2
  }

  /** @returns the piece, or as much of it as fits, whole characters only */
  async take(piece: string): Promise<string> {
    this.#text += this.#uncounted.decode()
    this.#uncounted = new SentText()
    const bytes = Buffer.byteLength(piece)
    if (this.fits(bytes)) {
      this.#text += piece
      this.#bytesSince += bytes
      return piece
    }
    const count = await loadTokenCounter()
    const fitting = count(this.#text + piece) <= this.#limit ? piece : this.#longestFit(piece, count)
    this.#text += fitting
    this.#counted = count(this.#text)
    this.#bytesSince = 0
    return fitting
  }

  #longestFit(piece: string, count: CountTokens): string {
    const characters = [...piece]
    let low = 0
    let high = characters.length
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if (count(this.#text + characters.slice(0, middle).join('')) <= this.#limit) low = middle
      else high = middle - 1
    }
    return characters.slice(0, low).join('')
  }
}
