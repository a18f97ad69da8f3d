import { type ByteString, copyBytes, sliceBytes } from '../lib/byte-string.ts'
import { type JsonObject, numberAt, stringAt } from '../lib/json.ts'
import { closingQuote, skipDigits, topLevelAt } from '../lib/json-scan.ts'
import { type EventBatch, TurnEvent } from './events.ts'

/** Where deltas belong. */
export interface RunPlace {
  readonly outputIndex: number
  readonly itemId: string
  /** `content_index` or `summary_index`; 0 for calls, which have no parts. */
  readonly partIndex: number
}

/**
 * What the frames of one part's deltas have in common: everything up to the last member that says where they belong,
 * but for their sequence number, text and padding. Comparing that is all it takes to know them.
 */
export interface DeltaForm {
  readonly type: string
  readonly place: RunPlace
  /** Fixed text; between two pieces stands what differs. The first begins with the frame. */
  readonly pieces: readonly ByteString[]
  /** What stands behind each piece but the last: digits, or the inside of a string. */
  readonly gaps: readonly ('digits' | 'string')[]
  /** The piece that ends with the opening quote of the delta. */
  readonly deltaPiece: number
  /** Where the JSON begins in each frame. */
  readonly jsonAt: number
}

const GAPS = { sequence_number: 'digits', delta: 'string', obfuscation: 'string' } as const
const EMPTY = '""' as ByteString
const LINE_FEED = 10

/** Deltas of one part that came one behind the other, which is what nearly all of a stream is; their events are made on demand. */
export class DeltaRun implements Iterable<TurnEvent> {
  readonly type: string
  readonly place: RunPlace
  /** Whole frames, back to back: what a relay writes. */
  readonly text: ByteString
  readonly #form: DeltaForm

  constructor(form: DeltaForm, text: ByteString) {
    this.type = form.type
    this.place = form.place
    this.text = text
    this.#form = form
  }

  *[Symbol.iterator](): Generator<TurnEvent> {
    for (let start = 0; start < this.text.length; ) {
      const event = this.#at(start)
      start += event.frame.length
      yield event
    }
  }

  last(): TurnEvent {
    const before = this.text.lastIndexOf('\n\n', this.text.length - 3)
    return this.#at(before === -1 ? 0 : before + 2)
  }

  /** The JSON string literals of the deltas, in order, in the bytes they came in; `""` for one without an end. */
  literals(): ByteString[] {
    const { text } = this
    const literals: ByteString[] = []
    for (let start = 0; start < text.length; ) {
      const from = this.#deltaAt(start)
      const end = closingQuote(text, from)
      const lineEnd = text.indexOf('\n', from)
      literals.push(end === -1 || end > lineEnd ? EMPTY : sliceBytes(text, from - 1, end + 1))
      start = lineEnd + 2
    }
    return literals
  }

  #deltaAt(start: number): number {
    const { pieces, gaps, deltaPiece } = this.#form
    let at = start
    for (let index = 0; index <= deltaPiece; index += 1) {
      if (index > 0) at = gaps[index - 1] === 'digits' ? skipDigits(this.text, at) : closingQuote(this.text, at)
      at += pieces[index]?.length ?? 0
    }
    return at
  }

  #at(start: number): TurnEvent {
    const end = this.text.indexOf('\n\n', start)
    const json = sliceBytes(this.text, start + this.#form.jsonAt, end)
    return new TurnEvent(this.type, json, sliceBytes(this.text, start, end + 2))
  }
}

/** The single events of a batch. */
export function eventsOf(batch: EventBatch): TurnEvent[] {
  return batch.flatMap((part) => (part instanceof DeltaRun ? [...part] : part))
}

/** Undefined unless the event is a delta in the usual form, the type first in its JSON, that says all of where it belongs. */
export function toDeltaForm({ type, json, frame, fields }: TurnEvent): DeltaForm | undefined {
  const place = toPlace(type, fields)
  const jsonAt = frame.length - json.length - 2
  const isUsual = jsonAt >= 0 && json.startsWith(`{"type":"${type}"`) && frame.endsWith(`${json}\n\n`)
  if (place === undefined || !isUsual || typeof fields.delta !== 'string') return undefined
  const deltaAt = topLevelAt(json, '"delta":"')
  const placed = ['item_id', 'output_index', 'content_index', 'summary_index'].filter((key) => key in fields)
  const ends = placed.map((key) => memberEnd(json, key))
  if (deltaAt === -1 || ends.includes(-1)) return undefined

  const end = Math.max(deltaAt, ...ends)
  const gaps = Object.entries(GAPS)
    .map(([key, kind]) => ({ key, kind, at: topLevelAt(json, kind === 'digits' ? `"${key}":` : `"${key}":"`) }))
    .filter(({ at }) => at !== -1 && (at < end || at === deltaAt))
    .sort((a, b) => a.at - b.at)
  const pieces: ByteString[] = []
  let from = -jsonAt
  for (const { kind, at } of gaps) {
    pieces.push(copyBytes(sliceBytes(frame, jsonAt + from, jsonAt + at)))
    from = kind === 'digits' ? skipDigits(json, at) : closingQuote(json, at)
  }
  if (from < end) pieces.push(copyBytes(sliceBytes(json, from, end)))
  const deltaPiece = gaps.findIndex(({ key }) => key === 'delta')
  return { type, place, pieces, gaps: gaps.map(({ kind }) => kind), deltaPiece, jsonAt }
}

/** The whole frames of this form that stand here; undefined if there are none. */
export function readRun(buffer: ByteString, from: number, form: DeltaForm): DeltaRun | undefined {
  let start = from
  for (let end = frameEnd(buffer, start, form); end !== -1; end = frameEnd(buffer, start, form)) start = end
  return start === from ? undefined : new DeltaRun(form, sliceBytes(buffer, from, start))
}

/** @returns where a frame of this form that begins at `start` ends, blank line included; -1 if there is none */
function frameEnd(buffer: ByteString, start: number, { pieces, gaps }: DeltaForm): number {
  let at = start
  for (let index = 0; index < pieces.length; index += 1) {
    if (index > 0) at = gaps[index - 1] === 'digits' ? skipDigits(buffer, at) : closingQuote(buffer, at)
    const piece = pieces[index] ?? ''
    // Comparing slices is several times faster here than `startsWith`.
    if (at === -1 || buffer.slice(at, at + piece.length) !== piece) return -1
    at += piece.length
  }
  // A frame whose data is not one line is no usual one; a string without its end may have reached into the next.
  const end = buffer.indexOf('\n', start + (pieces[0]?.length ?? 0))
  return end >= at && buffer.charCodeAt(end + 1) === LINE_FEED ? end + 2 : -1
}

/** Undefined if a member is missing that the backend gives to deltas of this type. */
function toPlace(type: string, fields: JsonObject): RunPlace | undefined {
  const [, kind] = /^response\.(\w+)\.delta$/.exec(type) ?? []
  const outputIndex = numberAt(fields, 'output_index')
  const itemId = stringAt(fields, 'item_id')
  const isCall = kind === 'function_call_arguments' || kind === 'custom_tool_call_input'
  const partIndex = numberAt(fields, 'content_index') ?? numberAt(fields, 'summary_index') ?? (isCall ? 0 : undefined)
  if (kind === undefined || outputIndex === undefined || itemId === undefined || partIndex === undefined)
    return undefined
  return { outputIndex, itemId, partIndex }
}

/** Where a top-level string or number ends, the character behind it included; -1 if it is not in the usual form. */
function memberEnd(json: ByteString, key: string): number {
  const at = topLevelAt(json, `"${key}":`)
  if (at === -1) return -1
  const end = json[at] === '"' ? closingQuote(json, at + 1) + 1 : skipDigits(json, at)
  return end > at && (json[end] === ',' || json[end] === '}') ? end + 1 : -1
}
