import type { ByteString } from '../../lib/byte-string.ts'
import { DeltaRun } from '../../turn/delta-run.ts'
import type { GatewayError } from '../../turn/errors.ts'
import { type EventBatch, sseFrame, type TurnEvent } from '../../turn/events.ts'
import type { Encoder } from '../../turn/frontend.ts'
import type { Turn } from '../../turn/turn.ts'
import { Relay } from './relay.ts'

const COMMENT = ': keepalive\n\n' as ByteString
/** The Codex CLI's idle timer ignores comments (upstream.md §0). */
const KEEPALIVE_EVENT = 'data: {"type":"keepalive"}\n\n' as ByteString

/** The events as server-sent events: the backend's byte for byte. */
export class ResponsesEncoder implements Encoder {
  readonly #turn: Turn
  readonly #relay: Relay

  constructor(turn: Turn) {
    this.#turn = turn
    this.#relay = new Relay(turn)
  }

  push(events: EventBatch): ByteString {
    return framesOf(this.#relay.pass(events))
  }

  fail(error: GatewayError): ByteString {
    return framesOf(this.#relay.fail(error))
  }

  keepalive(): ByteString {
    return this.#turn.client.family === 'codex-cli' ? KEEPALIVE_EVENT : COMMENT
  }
}

function framesOf(events: EventBatch): ByteString {
  let text = ''
  for (const part of events) text += part instanceof DeltaRun ? part.text : frameOf(part)
  return text as ByteString
}

function frameOf(event: TurnEvent): ByteString {
  return event.frame === '' ? sseFrame(event.type, event.json) : event.frame
}
