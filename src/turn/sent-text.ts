import type { ByteString } from '../lib/byte-string.ts'
import { copyBytes, toText } from '../lib/byte-string.ts'
import { type JsonObject, stringAt } from '../lib/json.ts'

const CHUNK_CHARACTERS = 4096

/** Text that came as JSON string literals: kept as raw JSON, decoded once at the end if at all. */
export class SentText {
  readonly #chunks: string[] = []
  #recent = ''

  add(literals: readonly ByteString[]): void {
    this.#recent += `${literals.join(',')},`
    if (this.#recent.length < CHUNK_CHARACTERS) return
    this.#chunks.push(copyBytes(this.#recent as ByteString))
    this.#recent = ''
  }

  decode(): string {
    const texts: string[] = JSON.parse(toText(`[${this.#chunks.join('')}${this.#recent}""]` as ByteString))
    return texts.join('')
  }

  /** The end of `full` behind what was sent; '' if they differ. */
  rest(full: string): string {
    if (full === '') return ''
    const sent = this.decode()
    return full.startsWith(sent) ? full.slice(sent.length) : ''
  }
}

/** What deltas have brought of each item, by output index or item id; the finished item adds only the rest. */
export class SentTexts {
  readonly #bySlot = new Map<number | string, SentText>()

  has(slot: number | string): boolean {
    return this.#bySlot.has(slot)
  }

  add(slot: number | string, literals: readonly ByteString[]): void {
    let text = this.#bySlot.get(slot)
    if (text === undefined) {
      text = new SentText()
      this.#bySlot.set(slot, text)
    }
    text.add(literals)
  }

  rest(full: string, item: JsonObject, outputIndex: number): string {
    const sent = this.#bySlot.get(outputIndex) ?? this.#bySlot.get(stringAt(item, 'id') ?? '')
    return sent === undefined ? full : sent.rest(full)
  }
}

/** @param literal bytes of one literal, or of several run together */
export function decodeLiteral(literal: string): string {
  return JSON.parse(toText(literal as ByteString))
}
