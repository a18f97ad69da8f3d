import { type ByteString, bytesOfAll, joinBytes, NO_BYTES, sliceBytes } from '../../lib/byte-string.ts'
import { type DeltaForm, type DeltaRun, readRun, toDeltaForm } from '../../turn/delta-run.ts'
import { GatewayError } from '../../turn/errors.ts'
import { type EventBatch, TurnEvent } from '../../turn/events.ts'

const MAX_EVENT_BYTES = 16 * 1024 * 1024
const BOM = '\u00ef\u00bb\u00bf'
/** A line end, then an empty line, for streams that use CR. A lone CR that may be half of a CRLF does not end a line. */
const BLANK_LINE = /(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)/g
const LINE_END = /\r\n|\n|\r/
const LINE_FEED = 10
const CARRIAGE_RETURN = 13
const SPACE = 32
const COLON = 58
const TYPE_PREFIX = '{"type":"'

/**
 * Bytes of a `text/event-stream` → events, whatever the split, with LF, CRLF or CR (upstream.md §5).
 *
 * Data that is no JSON object with a type comes out as an event of type ''; comments, `id:`, `retry:` and `[DONE]` do
 * not come out at all.
 */
export class SseDecoder {
  /** Pieces without a blank line yet. Joined only when one appears, so that a huge event costs one copy, not one a read. */
  #pieces: ByteString[] = []
  #pendingBytes = 0
  /** The last three characters of the pieces: half a blank line may be among them. */
  #tail = ''
  #isStart = true
  /** Of the last delta: most of what comes is more of the same. */
  #form: DeltaForm | undefined

  /** @throws GatewayError `upstream_bad_response` for an event over 16 MiB */
  push(...chunks: readonly Buffer[]): EventBatch {
    const text = bytesOfAll(chunks)
    if (this.#pendingBytes > 0 && !hasBlankLine(this.#tail + text)) {
      this.#keep(text)
      return []
    }
    const buffer = this.#take(text)
    const parts: (TurnEvent | DeltaRun)[] = []
    const rest = buffer.includes('\r') ? splitAny(buffer, parts) : this.#splitLf(buffer, parts)
    if (rest < buffer.length) this.#keep(rest === 0 ? buffer : sliceBytes(buffer, rest))
    return parts
  }

  /** What the stream's end leaves: an event whose blank line never came still counts if its JSON is whole. */
  end(): EventBatch {
    const rest = this.#take(NO_BYTES).trimEnd()
    if (rest === '') return []
    const event = toEvent(`${rest}\n\n` as ByteString)
    return event === undefined || Object.keys(event.fields).length === 0 ? [] : [event]
  }

  /** @returns where the unfinished rest begins */
  #splitLf(buffer: ByteString, parts: (TurnEvent | DeltaRun)[]): number {
    let start = 0
    for (;;) {
      const run = this.#form === undefined ? undefined : readRun(buffer, start, this.#form)
      if (run !== undefined) {
        parts.push(run)
        start += run.text.length
      }
      const end = buffer.indexOf('\n\n', start)
      if (end === -1) return start
      const event = toEvent(sliceBytes(buffer, start, end + 2))
      start = end + 2
      if (event === undefined) continue
      parts.push(event)
      if (event.type.endsWith('.delta')) this.#form = toDeltaForm(event)
    }
  }

  #keep(piece: ByteString): void {
    this.#pieces.push(piece)
    this.#pendingBytes += piece.length
    this.#tail = (piece.length < 3 ? this.#tail + piece : piece).slice(-3)
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
      this.#tail = ''
    }
    if (this.#isStart && buffer.length >= BOM.length) {
      this.#isStart = false
      if (buffer.startsWith(BOM)) return sliceBytes(buffer, BOM.length)
    }
    return buffer
  }
}

function hasBlankLine(text: string): boolean {
  return text.includes('\n\n') || (text.includes('\r') && text.search(BLANK_LINE) !== -1)
}

/** @returns where the unfinished rest begins */
function splitAny(buffer: ByteString, events: (TurnEvent | DeltaRun)[]): number {
  let start = 0
  BLANK_LINE.lastIndex = 0
  for (let match = BLANK_LINE.exec(buffer); match !== null; match = BLANK_LINE.exec(buffer)) {
    const event = toEvent(sliceBytes(buffer, start, BLANK_LINE.lastIndex))
    if (event !== undefined) events.push(event)
    start = BLANK_LINE.lastIndex
  }
  return start
}

/** undefined for blocks without data. */
function toEvent(block: ByteString): TurnEvent | undefined {
  const frame = withoutPreamble(block)
  const data = dataLine(frame)
  if (data === -1) return toUnusualEvent(frame)
  const start = afterColon(frame, data + 4)
  const end = frame.length - 2
  // The usual form: one data line, LF, nothing behind it.
  if (frame.indexOf('\n', start) !== end || frame.charCodeAt(end - 1) === CARRIAGE_RETURN) return toUnusualEvent(frame)

  if (frame.startsWith(TYPE_PREFIX, start)) {
    const from = start + TYPE_PREFIX.length
    return new TurnEvent(frame.slice(from, frame.indexOf('"', from)), sliceBytes(frame, start, end), frame)
  }
  return toTypedEvent(sliceBytes(frame, start, end), frame)
}

function dataLine(frame: string): number {
  if (frame.startsWith('data:')) return 0
  const before = frame.indexOf('\ndata:')
  return before === -1 ? -1 : before + 1
}

/** Comments and stray line ends before an event are not part of it. */
function withoutPreamble(block: ByteString): ByteString {
  let start = 0
  for (;;) {
    const code = block.charCodeAt(start)
    if (code === LINE_FEED || code === CARRIAGE_RETURN) start += 1
    else if (code === COLON) start = lineEnd(block, start)
    else return start === 0 ? block : sliceBytes(block, start)
  }
}

function lineEnd(text: string, from: number): number {
  let end = from
  while (end < text.length && text.charCodeAt(end) !== LINE_FEED && text.charCodeAt(end) !== CARRIAGE_RETURN) end += 1
  return end
}

/** Any line ends, any number of data lines, anywhere. */
function toUnusualEvent(frame: ByteString): TurnEvent | undefined {
  const lines = frame.split(LINE_END).filter((line) => line.startsWith('data:'))
  const json = lines.map((line) => line.slice(afterColon(line, 4))).join('\n') as ByteString
  return toTypedEvent(json, frame)
}

function toTypedEvent(json: ByteString, frame: ByteString): TurnEvent | undefined {
  if (json === '' || json === '[DONE]') return undefined
  const event = new TurnEvent('', json, frame)
  const { type } = event.fields
  return typeof type === 'string' ? new TurnEvent(type, json, frame, event.fields) : event
}

/** @param colon where it stands; one space behind it does not count */
function afterColon(line: string, colon: number): number {
  return line.charCodeAt(colon + 1) === SPACE ? colon + 2 : colon + 1
}
