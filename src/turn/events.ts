import type { ResponseStreamEvent } from 'openai/resources/responses/responses'
import { type ByteString, jsonBytes, NO_BYTES, toText } from '../lib/byte-string.ts'
import { isObject, type JsonObject, numberAt } from '../lib/json.ts'
import { scanInteger } from '../lib/json-scan.ts'
import { maskSecrets } from '../lib/redact.ts'
import type { DeltaRun } from './delta-run.ts'

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

  /** The same event without the secrets somebody put into it. */
  masked(): TurnEvent {
    const json = maskSecrets(this.json)
    if (json === this.json) return this
    // Masking takes bytes away and adds ASCII, so what is left is a string of bytes still.
    return new TurnEvent(this.type, json as ByteString, maskSecrets(this.frame) as ByteString)
  }

  /** The parsed object, untyped: what the backend really sent may differ from the SDK's types. `{}` if it is no JSON object. */
  get fields(): JsonObject {
    this.#data ??= parse(this.json)
    return this.#data
  }

  /** True if the data begins as an object and is no JSON: what it was meant to say is lost. Parses it. */
  get isBroken(): boolean {
    return this.fields === BROKEN && this.json.startsWith('{')
  }

  /** The parsed object under the SDK's types, for code that has looked at `type` and guards what it reads. */
  get data(): ResponseStreamEvent {
    // Untrusted input: the SDK's union is the documented form of what the backend sends.
    return this.fields as unknown as ResponseStreamEvent
  }
}

/** What one network read brought, in order. Handled together and written with one write. */
export type EventBatch = readonly (TurnEvent | DeltaRun)[]

/** A turn's answer as it comes in. Throws GatewayError; closing it early (`return`) closes the upstream. */
export type TurnStream = AsyncIterable<EventBatch>

/** A top-level index of the event; parses it only if the member is there in an unusual form. */
export function indexAt(event: TurnEvent, key: string): number | undefined {
  const scanned = scanInteger(event.json, key)
  if (scanned !== undefined || !event.json.includes(`"${key}"`)) return scanned
  return numberAt(event.fields, key)
}

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

const BROKEN: JsonObject = Object.freeze({})

function parse(json: ByteString): JsonObject {
  try {
    const value: unknown = JSON.parse(toText(json))
    return isObject(value) ? value : {}
  } catch {
    return BROKEN
  }
}
