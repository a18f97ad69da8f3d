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
  /** Of its streams; absent = server-sent events. */
  readonly contentType?: string
  encoder(turn: Turn, capabilities: Capabilities, clock: RequestClock): Encoder
  /** The answer of a request that does not stream. */
  result(response: Response, turn: Turn, capabilities: Capabilities, clock: RequestClock): JsonObject
  /** Absent = this protocol has no WebSocket form. */
  readonly socket?: SocketForm
}

/** A protocol over WebSocket: one JSON text per message, both ways. */
export interface SocketForm {
  /** @throws GatewayError with the path of the offending field */
  parse(message: JsonObject, request: ClientRequest): SocketMessage
  encoder(turn: Turn): MessageEncoder
  /** The answer to a message that wants nothing generated. */
  warmUp(turn: Turn): WarmUp
  /** A failure before the answer has begun. @param headers what HTTP would say in the answer's head */
  error(error: GatewayError, headers: Readonly<Record<string, string>>): ByteString
  /** What HTTP says in the head of a good answer. */
  head(headers: Readonly<Record<string, string>>): ByteString
}

export interface SocketMessage {
  readonly turn: Turn
  /** Only to be remembered, so that a later message can go on from it. */
  readonly isWarmUp: boolean
}

export interface WarmUp {
  readonly response: JsonObject
  readonly messages: readonly ByteString[]
}

/** The state of one answer towards one client, as JSON texts. */
export interface MessageEncoder {
  push(events: EventBatch): readonly ByteString[]
  /** The protocol's own form of a failure after the answer has begun. */
  fail(error: GatewayError): readonly ByteString[]
  /** What is sent into a silence; empty = nothing the protocol knows of. */
  keepalive(): ByteString
}

/** For protocols that tell how long an answer took. */
export interface RequestClock {
  readonly startedAtMs: number
  readonly now: () => number
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
  /** What is written into a silence (connector.md §9.4); empty if the protocol has nothing for it. */
  keepalive(): ByteString
}
