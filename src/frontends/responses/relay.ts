import { shortId } from '../../lib/ids.ts'
import { arrayAt, type JsonObject, objectAt, stringAt } from '../../lib/json.ts'
import { ResponseCollector } from '../../turn/collect.ts'
import { DeltaRun } from '../../turn/delta-run.ts'
import type { GatewayError } from '../../turn/errors.ts'
import { type EventBatch, TurnEvent } from '../../turn/events.ts'
import type { Turn } from '../../turn/turn.ts'
import { Lifecycle } from './lifecycle.ts'

/** Which events a client gets: the backend's own, and what it leaves out of a turn (connector.md §8.2, clients.md). */
export class Relay {
  readonly #turn: Turn
  readonly #lifecycle = new Lifecycle()
  readonly #collector = new ResponseCollector()

  constructor(turn: Turn) {
    this.#turn = turn
  }

  pass(events: EventBatch): EventBatch {
    const passed: (TurnEvent | DeltaRun)[] = []
    for (const part of events) {
      if (!(part instanceof DeltaRun)) this.#pass(this.#finished(part), passed)
      else if (this.#lifecycle.passes(part)) {
        this.#collector.push(part)
        passed.push(part)
      } else for (const event of part) this.#pass(this.#finished(event), passed)
    }
    return passed
  }

  /** The backend's own failure, or one of ours. */
  fail(error: GatewayError): EventBatch {
    const passed: TurnEvent[] = []
    this.#pass(error.event?.type === 'response.failed' ? error.event : this.#failed(error), passed)
    return passed
  }

  /** The event, behind what was missing before it. */
  #pass(event: TurnEvent, passed: (TurnEvent | DeltaRun)[]): void {
    for (const made of this.#lifecycle.before(event)) passed.push(made)
    if (!this.#lifecycle.isHeldBack(event)) passed.push(event)
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
