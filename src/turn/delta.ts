import { type ByteString, copyBytes, jsonBytes, sliceBytes } from '../lib/byte-string.ts'
import { stringAt } from '../lib/json.ts'
import { closingQuote, scanStringLiteral } from '../lib/json-scan.ts'
import { indexAt, type TurnEvent } from './events.ts'
import { decodeLiteral } from './sent-text.ts'

/** Where a delta belongs. The same object as long as nothing of it changes. */
export interface DeltaPlace {
  /** The output index, or the item's id from backends that give none. */
  readonly slot: number | string
  readonly itemId: string
  /** `content_index` or `summary_index`. */
  readonly partIndex: number
}

export interface Delta {
  /** A JSON string literal. */
  readonly literal: ByteString
  readonly place: DeltaPlace
}

const SEQUENCE_KEY = '"sequence_number":'
const DELTA_KEY = '"delta":"'

/**
 * Takes deltas out of their bytes. Those of one part differ in their sequence number and their text only: the bytes
 * around the number are remembered, and an event that begins with them has its delta, and its place, where the last one
 * had. An event that begins otherwise is scanned, one of unusual form parsed.
 */
export class DeltaReader {
  /** Up to the sequence number. */
  #head = ''
  /** From behind the sequence number up to the first character of the delta; '' = nothing remembered. */
  #middle = ''
  #place: DeltaPlace = { slot: -1, itemId: '', partIndex: 0 }

  read(event: TurnEvent): Delta {
    const { json } = event
    const start = this.#start(json)
    const end = start === -1 ? -1 : closingQuote(json, start)
    if (end !== -1 && !hasPlace(json, end)) return { literal: sliceBytes(json, start - 1, end + 1), place: this.#place }
    const literal = scanStringLiteral(json, 'delta')
    this.#place = placeOf(event)
    this.#middle = ''
    if (literal === undefined) return { literal: jsonBytes(stringAt(event.fields, 'delta') ?? ''), place: this.#place }
    this.#remember(json)
    return { literal, place: this.#place }
  }

  #start(json: ByteString): number {
    // Comparing slices is several times faster here than `startsWith`.
    let at = this.#head.length
    if (this.#middle === '' || json.slice(0, at) !== this.#head) return -1
    for (let code = json.charCodeAt(at); code >= 48 && code <= 57; code = json.charCodeAt(at)) at += 1
    const end = at + this.#middle.length
    return json.slice(at, end) === this.#middle ? end : -1
  }

  #remember(json: ByteString): void {
    const end = json.indexOf(DELTA_KEY) + DELTA_KEY.length
    // A place that stands behind the delta is this event's alone.
    if (hasPlace(json, closingQuote(json, end))) return
    const sequence = json.lastIndexOf(SEQUENCE_KEY, end)
    let at = sequence === -1 ? 0 : sequence + SEQUENCE_KEY.length
    this.#head = copyBytes(sliceBytes(json, 0, at))
    for (let code = json.charCodeAt(at); code >= 48 && code <= 57; code = json.charCodeAt(at)) at += 1
    this.#middle = copyBytes(sliceBytes(json, at, end))
  }
}

/** True if a member behind the delta may say where it belongs: only what stands before it has been compared. */
function hasPlace(json: ByteString, from: number): boolean {
  return json.indexOf('_index"', from) !== -1 || json.indexOf('"item_id"', from) !== -1
}

export function slotOf(event: TurnEvent): number | string {
  return indexAt(event, 'output_index') ?? stringAt(event.fields, 'item_id') ?? -1
}

function placeOf(event: TurnEvent): DeltaPlace {
  const { json } = event
  const literal = scanStringLiteral(json, 'item_id')
  return {
    slot: slotOf(event),
    itemId: literal === undefined ? (stringAt(event.fields, 'item_id') ?? '') : decodeLiteral(literal),
    partIndex: indexAt(event, 'content_index') ?? indexAt(event, 'summary_index') ?? 0,
  }
}

/** The literal with ASCII text put before its own. */
export function prefixed(prefix: string, literal: ByteString): ByteString {
  return (jsonBytes(prefix).slice(0, -1) + sliceBytes(literal, 1)) as ByteString
}
