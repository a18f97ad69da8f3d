import { type ByteString, jsonBytes } from '../../lib/byte-string.ts'
import { type JsonObject, wordOf } from '../../lib/json.ts'
import type { Capabilities } from '../../turn/capabilities.ts'
import { type Delta, DeltaReader, prefixed } from '../../turn/delta.ts'
import type { TurnEvent } from '../../turn/events.ts'
import { reasoningText } from '../../turn/output-items.ts'

const EMPTY_LITERAL = '""'

/** Shows reasoning in the form the client asked for. Yields the JSON of `delta` members; '' = nothing to show. */
export class ReasoningStream {
  readonly #output: Capabilities['reasoning_output']
  readonly #deltas = new DeltaReader()
  readonly #withDeltas = new Set<number | string>()
  /** Part that was last seen; a new one starts behind a blank line. */
  #part: string | undefined
  #isThinking = false

  constructor(output: Capabilities['reasoning_output']) {
    this.#output = output
  }

  delta(event: TurnEvent): string {
    return this.fragment(event.type, this.#deltas.read(event))
  }

  fragment(type: string, { literal, place }: Delta): string {
    this.#withDeltas.add(place.slot)
    return this.#show(literal, `${place.slot} ${type} ${place.partIndex}`)
  }

  /** A finished item, shown only if no delta brought it. */
  item(item: JsonObject, outputIndex: number): string {
    if (this.#withDeltas.has(outputIndex) || this.#withDeltas.has(wordOf(item.id))) return ''
    return this.#show(jsonBytes(reasoningText(item)), `${outputIndex} whole`)
  }

  /** What must come before anything that is no reasoning. */
  stop(): string {
    if (!this.#isThinking) return ''
    this.#isThinking = false
    this.#part = undefined
    return '{"content":"</think>"}'
  }

  #show(literal: ByteString, part: string): string {
    if (this.#output === 'none' || literal === EMPTY_LITERAL) return ''
    const isNewPart = this.#part !== undefined && this.#part !== part
    this.#part = part
    const spaced = isNewPart ? prefixed('\n\n', literal) : literal
    if (this.#output === 'reasoning_content') return `{"reasoning_content":${spaced}}`
    const opened = this.#isThinking ? spaced : prefixed('<think>', literal)
    this.#isThinking = true
    return `{"content":${opened}}`
  }
}
