import { type ByteString, jsonBytes, NO_BYTES } from '../../lib/byte-string.ts'
import { shortId } from '../../lib/ids.ts'
import { eventsOf } from '../../turn/delta-run.ts'
import { type GatewayError, toOpenAiError } from '../../turn/errors.ts'
import type { EventBatch } from '../../turn/events.ts'
import type { MessageEncoder, WarmUp } from '../../turn/frontend.ts'
import type { Turn } from '../../turn/turn.ts'
import { Relay } from './relay.ts'

const KEEPALIVE = '{"type":"keepalive"}' as ByteString

/** The events as messages, each the JSON the backend sent. */
export class ResponsesMessageEncoder implements MessageEncoder {
  readonly #turn: Turn
  readonly #relay: Relay

  constructor(turn: Turn) {
    this.#turn = turn
    this.#relay = new Relay(turn)
  }

  push(events: EventBatch): readonly ByteString[] {
    return textsOf(this.#relay.pass(events))
  }

  fail(error: GatewayError): readonly ByteString[] {
    return textsOf(this.#relay.fail(error))
  }

  keepalive(): ByteString {
    return this.#turn.client.family === 'codex-cli' ? KEEPALIVE : NO_BYTES
  }
}

function textsOf(events: EventBatch): ByteString[] {
  return eventsOf(events).map(({ json }) => json)
}

/** As the backend words it (upstream.md §2). */
export function errorMessage(error: GatewayError, headers: Readonly<Record<string, string>>): ByteString {
  return jsonBytes({ type: 'error', status: error.status, ...toOpenAiError(error), headers })
}

/** As the backend says over WebSocket what stands in headers over HTTP (upstream.md §2). */
export function headMessage(headers: Readonly<Record<string, string>>): ByteString {
  return jsonBytes({ type: 'codex.response.metadata', headers })
}

const NO_USAGE = {
  input_tokens: 0,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 0,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 0,
}

/** An empty response: what matters is its id (upstream.md §2). */
export function toWarmUp({ model, previousResponseId, store }: Turn): WarmUp {
  const response = {
    id: shortId('resp_'),
    object: 'response',
    created_at: Math.floor(Date.now() / 1000),
    status: 'in_progress',
    error: null,
    incomplete_details: null,
    model,
    output: [],
    previous_response_id: previousResponseId ?? null,
    store,
    usage: null,
  }
  const whole = { ...response, status: 'completed', usage: NO_USAGE }
  const messages = [
    jsonBytes({ type: 'response.created', response, sequence_number: 0 }),
    jsonBytes({ type: 'response.in_progress', response, sequence_number: 1 }),
    jsonBytes({ type: 'response.completed', response: whole, sequence_number: 2 }),
  ]
  return { response: whole, messages }
}
