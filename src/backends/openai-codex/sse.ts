import { type ByteString, bytesOf, joinBytes, sliceBytes } from '../../lib/byte-string.ts'
import { GatewayError } from '../../turn/errors.ts'
import { TurnEvent } from '../../turn/events.ts'

const MAX_EVENT_BYTES = 16 * 1024 * 1024
const BOM = '\u00ef\u00bb\u00bf'
/** A line end, then an empty line, for streams that use CR. A lone CR that may be half of a CRLF does not end a line. */
const BLANK_LINE = /(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)/g
const TYPE_PREFIX = '{"type":"'

/** Bytes of a `text/event-stream` → events, whatever the split, with LF, CRLF or CR (connector.md §9.1). */
export class SseDecoder {
  /** Pieces without a blank line yet. Joined only when one appears, so that a huge event costs one copy, not one a read. */
  #pieces: ByteString[] = []
  #pendingBytes = 0
  #isStart = true

  /** @throws GatewayError `upstream_bad_response` for an event over 16 MiB */
  push(chunk: Buffer): TurnEvent[] {
    const text = bytesOf(chunk)
    if (this.#pendingBytes > 0 && !mayEndEvent(this.#lastPiece(), text)) {
      this.#keep(text)
      return []
    }
    const buffer = this.#take(text)
    const events: TurnEvent[] = []
    const rest = buffer.includes('\r') ? splitAny(buffer, events) : splitLf(buffer, events)
    if (rest < buffer.length) this.#keep(sliceBytes(buffer, rest))
    return events
  }

  /** What the stream's end leaves: an event whose blank line never came still counts if its JSON is whole. */
  end(): TurnEvent[] {
    const rest = joinBytes(this.#pieces).trimEnd() as ByteString
    this.#pieces = []
    this.#pendingBytes = 0
    const event = toEvent(`${rest}\n\n` as ByteString)
    return event === undefined || Object.keys(event.fields).length === 0 ? [] : [event]
  }

  #lastPiece(): string {
    return this.#pieces.at(-1) ?? ''
  }

  #keep(piece: ByteString): void {
    this.#pieces.push(piece)
    this.#pendingBytes += piece.length
    if (this.#pendingBytes > MAX_EVENT_BYTES) {
      throw new GatewayError('upstream_bad_response', 'The backend sent an event larger than 16 MiB.')
    }
  }

  #take(text: ByteString): ByteString {
    let buffer = text
    if (this.#pendingBytes > 0) {
      buffer = joinBytes([...this.#pieces, text])
      this.#pieces = []
      this.#pendingBytes = 0
    }
    if (this.#isStart && buffer.length >= BOM.length) {
      this.#isStart = false
      if (buffer.startsWith(BOM)) return sliceBytes(buffer, BOM.length)
    }
    return buffer
  }
}

/** False only if joining cannot bring a blank line to light. */
function mayEndEvent(before: string, text: string): boolean {
  if (text.includes('\n\n') || text.includes('\r')) return true
  const last = before.at(-1)
  return (last === '\n' || last === '\r') && text.startsWith('\n')
}

/** @returns where the unfinished rest begins */
function splitLf(buffer: ByteString, events: TurnEvent[]): number {
  let start = 0
  for (let end = buffer.indexOf('\n\n'); end !== -1; end = buffer.indexOf('\n\n', start)) {
    const event = toEvent(sliceBytes(buffer, start, end + 2))
    if (event !== undefined) events.push(event)
    start = end + 2
  }
  return start
}

function splitAny(buffer: ByteString, events: TurnEvent[]): number {
  let start = 0
  BLANK_LINE.lastIndex = 0
  for (let match = BLANK_LINE.exec(buffer); match !== null; match = BLANK_LINE.exec(buffer)) {
    const event = toEvent(sliceBytes(buffer, start, BLANK_LINE.lastIndex))
    if (event !== undefined) events.push(event)
    start = BLANK_LINE.lastIndex
  }
  return start
}

/** undefined for frames without data: comments, `retry:`, `[DONE]`. */
function toEvent(frame: ByteString): TurnEvent | undefined {
  const json = dataOf(frame)
  if (json === undefined || json === '[DONE]' || json === '') return undefined
  if (json.startsWith(TYPE_PREFIX)) {
    return new TurnEvent(json.slice(TYPE_PREFIX.length, json.indexOf('"', TYPE_PREFIX.length)), json, frame)
  }
  const event = new TurnEvent('', json, frame)
  const { type } = event.fields
  return typeof type === 'string' ? new TurnEvent(type, json, frame, event.fields) : event
}

/** The joined `data:` lines; one line, the usual case, without copying. */
function dataOf(frame: ByteString): ByteString | undefined {
  const first = frame.startsWith('data:') ? 0 : afterLineEnd(frame, 'data:')
  if (first === -1) return undefined
  const start = first + (frame[first + 5] === ' ' ? 6 : 5)
  const end = lineEnd(frame, start)
  if (afterLineEnd(frame, 'data:', end) === -1) return sliceBytes(frame, start, end)
  const lines = frame.split(/\r\n|\n|\r/).filter((line) => line.startsWith('data:'))
  return lines.map((line) => line.slice(line[5] === ' ' ? 6 : 5)).join('\n') as ByteString
}

function afterLineEnd(frame: string, word: string, from = 0): number {
  const lf = frame.indexOf(`\n${word}`, from)
  const at = lf === -1 ? frame.indexOf(`\r${word}`, from) : lf
  return at === -1 ? -1 : at + 1
}

function lineEnd(frame: string, from: number): number {
  const lf = frame.indexOf('\n', from)
  const end = lf === -1 ? frame.length : lf
  const cr = frame.lastIndexOf('\r', end)
  return cr >= from ? frame.indexOf('\r', from) : end
}
