import type { Response } from 'openai/resources/responses/responses'
import type { ByteString } from '../lib/byte-string.ts'
import type { JsonObject } from '../lib/json.ts'
import type { Capabilities } from './capabilities.ts'
import type { GatewayError } from './errors.ts'
import type { EventBatch } from './events.ts'
import type { ClientRequest, Turn } from './turn.ts'

/** One client protocol. Everything here is synchronous and pure; the route owns sockets and clocks. */
export interface Frontend {
  readonly path: string
  /** @throws GatewayError with the path of the offending field */
  parse(body: JsonObject, request: ClientRequest): Turn
  encoder(turn: Turn, capabilities: Capabilities): Encoder
  /** The answer of a request that does not stream. */
  result(response: Response, turn: Turn, capabilities: Capabilities): JsonObject
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
