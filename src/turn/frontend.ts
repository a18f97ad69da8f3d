import type { Response } from 'openai/resources/responses/responses'
import type { ByteString } from '../lib/byte-string.ts'
import type { JsonObject } from '../lib/json.ts'
import type { Capabilities } from './capabilities.ts'
import type { GatewayError } from './errors.ts'
import type { EventBatch } from './events.ts'
import type { ClientRequest, Turn } from './turn.ts'

/** One client protocol. Everything here is synchronous and pure; the route owns sockets and clocks. */
export interface Frontend {
  readonly paths: readonly string[]
  /** Absent = OpenAI's form, which all other paths have too. */
  readonly errors?: ErrorForm
  /** @throws GatewayError with the path of the offending field */
  parse(body: JsonObject, request: ClientRequest): Turn
  encoder(turn: Turn, capabilities: Capabilities): Encoder
  /** The answer of a request that does not stream. */
  result(response: Response, turn: Turn, capabilities: Capabilities): JsonObject
}

/** How one protocol tells of a failure before the answer has begun. */
export interface ErrorForm {
  /** True for requests whose client reads this form, whether or not they reach a door. */
  covers(path: string, headers: ClientRequest['headers']): boolean
  body(error: GatewayError, requestId: string): JsonObject
  /** Headers of every answer. */
  headers(requestId: string): Record<string, string>
}

/** The state of one stream towards one client. */
export interface Encoder {
  /** The bytes for these events, in one piece; empty if they mean nothing to this protocol. */
  push(events: EventBatch): ByteString
  /** The protocol's own form of a failure after the headers have left. Nothing is written after it. */
  fail(error: GatewayError): ByteString
  /** What is written into a silence (connector.md §9.4). */
  keepalive(): ByteString
}
