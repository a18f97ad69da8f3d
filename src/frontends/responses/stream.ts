import type { ByteString } from '../../lib/byte-string.ts'
import { shortId } from '../../lib/ids.ts'
import { arrayAt, type JsonObject, objectAt, stringAt } from '../../lib/json.ts'
import { ResponseCollector } from '../../turn/collect.ts'
import { DeltaRun } from '../../turn/delta-run.ts'
import type { GatewayError } from '../../turn/errors.ts'
import { type EventBatch, sseFrame, TurnEvent } from '../../turn/events.ts'
import type { Encoder } from '../../turn/frontend.ts'
import type { Turn } from '../../turn/turn.ts'
import { Lifecycle } from './lifecycle.ts'

const COMMENT = ': keepalive\n\n' as ByteString
/** The Codex CLI's idle timer ignores comments (upstream.md §0). */
const KEEPALIVE_EVENT = 'data: {"type":"keepalive"}\n\n' as ByteString

/** The backend's events as they are, byte for byte; what it leaves out of a turn is added (connector.md §8.2, clients.md). */
export class ResponsesEncoder implements Encoder {
  readonly #turn: Turn
  readonly #lifecycle = new Lifecycle()
  readonly #collector = new ResponseCollector()

  constructor(turn: Turn) {
    this.#turn = turn
  }

  push(events: EventBatch): ByteString {
    let text = ''
    for (const part of events) {
      if (!(part instanceof DeltaRun)) text += this.#write(this.#finished(part))
      else if (this.#lifecycle.passes(part)) {
        this.#collector.push(part)
        text += part.text
      } else for (const event of part) text += this.#write(this.#finished(event))
    }
    return text as ByteString
  }

  fail(error: GatewayError): ByteString {
    const event = error.event?.type === 'response.failed' ? error.event : this.#failed(error)
    return this.#write(event) as ByteString
  }

  keepalive(): ByteString {
    return this.#turn.client.family === 'codex-cli' ? KEEPALIVE_EVENT : COMMENT
  }

  /** The event, behind what was missing before it. */
  #write(event: TurnEvent): string {
    let text = ''
    for (const made of this.#lifecycle.before(event)) text += frameOf(made)
    return this.#lifecycle.isHeldBack(event) ? text : text + frameOf(event)
  }

  /** `response.done` under its public name, and an output that is not emptier than the stream was. */
  #finished(event: TurnEvent): TurnEvent {
    this.#collector.push(event)
    const { type } = event
    if (type !== 'response.completed' && type !== 'response.done' && type !== 'response.incomplete') return event
    const response: JsonObject = objectAt(event.fields, 'response') ?? {}
    const isEmpty = (arrayAt(response, 'output') ?? []).length === 0
    const id = this.#lifecycle.madeId
    const mayStay = type !== 'response.done' && id === undefined
    if (mayStay && !isEmpty) return event
    const whole = this.#collector.response()
    if (mayStay && (arrayAt(whole, 'output') ?? []).length === 0) return event
    return TurnEvent.of({
      ...event.fields,
      type: type === 'response.done' ? 'response.completed' : type,
      response: id === undefined ? whole : { ...whole, id },
    })
  }

  #failed({ message, code, kind }: GatewayError): TurnEvent {
    const seen = this.#collector.response()
    const response = {
      ...seen,
      id: this.#lifecycle.madeId ?? stringAt(seen, 'id') ?? shortId('resp_'),
      object: 'response',
      created_at: seen.created_at ?? Math.floor(Date.now() / 1000),
      status: 'failed',
      model: seen.model ?? this.#turn.model,
      error: { code: code ?? kind, message },
    }
    return TurnEvent.of({ type: 'response.failed', sequence_number: this.#lifecycle.next, response })
  }
}

function frameOf(event: TurnEvent): ByteString {
  return event.frame === '' ? sseFrame(event.type, event.json) : event.frame
}
