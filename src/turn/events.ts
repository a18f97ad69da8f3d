import type { ResponseStreamEvent } from 'openai/resources/responses/responses'
import { type ByteString, jsonBytes, NO_BYTES, sliceBytes, toText } from '../lib/byte-string.ts'
import { isObject, type JsonObject } from '../lib/json.ts'

/**
 * One event of the backend's stream. It keeps the bytes it came in, so that a relay copies and only those who need the
 * contents parse.
 */
export class TurnEvent {
  /** The JSON `type`; '' when the data is no JSON object with a string `type`. The `event:` line does not count. */
  readonly type: string
  /** The JSON text (the `data` of the frame). */
  readonly json: ByteString
  /** The SSE frame as it came, blank line included; empty for events that came without one or that we made. */
  readonly frame: ByteString
  #data: JsonObject | undefined

  constructor(type: string, json: ByteString, frame: ByteString = NO_BYTES, data?: JsonObject) {
    this.type = type
    this.json = json
    this.frame = frame
    this.#data = data
  }

  /** An event of our own making. */
  static of(data: JsonObject & { type: string }): TurnEvent {
    return new TurnEvent(data.type, jsonBytes(data), NO_BYTES, data)
  }

  /** The parsed object, untyped: what the backend really sent may differ from the SDK's types. `{}` if it is no JSON object. */
  get fields(): JsonObject {
    this.#data ??= parse(this.json)
    return this.#data
  }

  /** The parsed object under the SDK's types, for code that has looked at `type` and guards what it reads. */
  get data(): ResponseStreamEvent {
    // Untrusted input: the SDK's union is the documented form of what the backend sends.
    return this.fields as unknown as ResponseStreamEvent
  }
}

/** What one network read brought, in order. Handled together and written with one write. */
export type EventBatch = readonly (TurnEvent | DeltaRun)[]

/** How the frames of one kind of delta begin in a stream: all that is looked at to know them. */
export interface DeltaForm {
  readonly type: string
  /** The frame up to and with the closing quote of the type, which is the first member of the JSON. */
  readonly head: ByteString
  /** Where the JSON begins in each frame. */
  readonly jsonAt: number
}

/**
 * Deltas of one kind that came one behind the other, which is what nearly all of a stream is. Whoever needs no contents
 * copies `text`; the events are made when they are asked for.
 */
export class DeltaRun implements Iterable<TurnEvent> {
  readonly type: string
  readonly #form: DeltaForm
  /** Whole frames in the usual form (one data line, LF), back to back. */
  readonly text: ByteString
  readonly length: number

  constructor(form: DeltaForm, text: ByteString, length: number) {
    this.type = form.type
    this.#form = form
    this.text = text
    this.length = length
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

  /** True if this text stands behind the type in each of the frames. */
  allHold(text: string): boolean {
    const { head } = this.#form
    let left = this.length
    for (let start = 0; left > 0; left -= 1) {
      const at = this.text.indexOf(text, start + head.length)
      if (at === -1) return false
      start = this.text.indexOf('\n', at) + 2
    }
    return true
  }

  #at(start: number): TurnEvent {
    const { type, head, jsonAt } = this.#form
    const end = this.text.indexOf('\n', start + head.length)
    return new TurnEvent(type, sliceBytes(this.text, start + jsonAt, end), sliceBytes(this.text, start, end + 2))
  }
}

/** The single events of a batch. */
export function eventsOf(batch: EventBatch): TurnEvent[] {
  return batch.flatMap((part) => (part instanceof DeltaRun ? [...part] : part))
}

/** A turn's answer as it comes in. Throws GatewayError; closing it early (`return`) closes the upstream. */
export type TurnStream = AsyncIterable<EventBatch>

/** `event:` and `data:` lines for JSON text, as the backend frames its own events. */
export function sseFrame(type: string, json: ByteString): ByteString {
  return `event: ${type}\ndata: ${json}\n\n` as ByteString
}

const OUTPUT_EVENTS =
  /^response\.(output_item|content_part|output_text|refusal|reasoning|function_call|custom_tool_call|mcp|code_interpreter|web_search|file_search|image_generation)/

/** "Output" in the sense of connector.md: text, refusal, reasoning, a tool call or an output item. The rest is preamble. */
export function isOutputType(type: string): boolean {
  return OUTPUT_EVENTS.test(type)
}

/** Events after which nothing more comes. */
export function isTerminal(type: string): boolean {
  return (
    type === 'response.completed' ||
    type === 'response.done' ||
    type === 'response.incomplete' ||
    type === 'response.failed' ||
    type === 'error'
  )
}

function parse(json: ByteString): JsonObject {
  try {
    const value: unknown = JSON.parse(toText(json))
    return isObject(value) ? value : {}
  } catch {
    return {}
  }
}
