/** Finds the earliest stop sequence in a text that comes in pieces, holding back only what could still begin one. */
export class StopSearch {
  readonly #sequences: readonly string[]
  #held = ''

  constructor(sequences: readonly string[]) {
    this.#sequences = sequences
  }

  /** @returns the text that may go out; with `found` it ends right before that sequence */
  push(piece: string): { text: string; found: string | undefined } {
    const text = this.#held + piece
    const found = earliest(text, this.#sequences)
    if (found !== undefined) {
      this.#held = ''
      return { text: text.slice(0, text.indexOf(found)), found }
    }
    const keep = Math.max(...this.#sequences.map((sequence) => beginningAtEnd(text, sequence)))
    this.#held = text.slice(text.length - keep)
    return { text: text.slice(0, text.length - keep), found: undefined }
  }

  /** What was held back after all belongs to the text. */
  release(): string {
    const rest = this.#held
    this.#held = ''
    return rest
  }
}

function earliest(text: string, sequences: readonly string[]): string | undefined {
  const present = sequences.filter((sequence) => text.includes(sequence))
  return present.sort((a, b) => text.indexOf(a) - text.indexOf(b))[0]
}

/** Length of the longest end of the text that is a beginning of the sequence, but not all of it. */
function beginningAtEnd(text: string, sequence: string): number {
  for (let length = Math.min(sequence.length - 1, text.length); length > 0; length -= 1) {
    if (text.endsWith(sequence.slice(0, length))) return length
  }
  return 0
}
