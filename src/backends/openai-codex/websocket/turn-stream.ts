import type { ByteString } from '../../../lib/byte-string.ts'
import { objectAt, stringAt } from '../../../lib/json.ts'
import { eventsOf } from '../../../turn/delta-run.ts'
import { GatewayError } from '../../../turn/errors.ts'
import { type EventBatch, isOutputType, isTerminal, TurnEvent, type TurnStream } from '../../../turn/events.ts'

/** Opens the turn once more after a failure. @throws GatewayError if that failure is the client's to see */
export type Reopen = (failure: GatewayError) => Promise<AsyncIterator<EventBatch, undefined>>

/**
 * A turn's events, begun anew behind the client's back as long as no output has come. The client then has one preamble
 * and one response id, whichever connection the answer came over in the end.
 */
export class RestartableStream implements TurnStream, AsyncIterator<EventBatch, undefined> {
  #inner: AsyncIterator<EventBatch, undefined>
  readonly #reopen: Reopen
  #held: EventBatch | undefined
  #hasOutput = false
  /** Of the first `response.created`; undefined = none yet. */
  #shownId: string | undefined
  #isRestarted = false
  #laterId: string | undefined

  constructor(inner: AsyncIterator<EventBatch, undefined>, reopen: Reopen) {
    this.#inner = inner
    this.#reopen = reopen
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** Reads up to the first batch. @throws GatewayError */
  async begin(): Promise<void> {
    const { value } = await this.next()
    this.#held = value
  }

  async next(): Promise<IteratorResult<EventBatch, undefined>> {
    const held = this.#held
    if (held !== undefined) {
      this.#held = undefined
      return { done: false, value: held }
    }
    for (;;) {
      try {
        const result = await this.#inner.next()
        if (result.done) return result
        const batch = this.#hasOutput && !this.#isRestarted ? result.value : this.#pass(result.value)
        if (batch.length > 0) return { done: false, value: batch }
      } catch (thrown) {
        if (this.#hasOutput || !(thrown instanceof GatewayError)) throw thrown
        this.#inner = await this.#reopen(thrown)
        this.#isRestarted = this.#shownId !== undefined
        this.#laterId = undefined
      }
    }
  }

  async return(): Promise<IteratorResult<EventBatch, undefined>> {
    this.#held = undefined
    await this.#inner.return?.()
    return { done: true, value: undefined }
  }

  #pass(batch: EventBatch): EventBatch {
    const passed: TurnEvent[] = []
    for (const event of eventsOf(batch)) {
      if (!this.#hasOutput && (isOutputType(event.type) || isTerminal(event.type))) this.#hasOutput = true
      if (this.#isRestarted) {
        this.#laterId ??= responseIdOf(event)
        if (this.#hasOutput) passed.push(this.#renamed(event))
      } else {
        this.#shownId ??= responseIdOf(event)
        passed.push(event)
      }
    }
    return passed
  }

  /** The client has been shown the first id; an id is random, so that it stands nowhere else. */
  #renamed(event: TurnEvent): TurnEvent {
    const [shown, later] = [this.#shownId, this.#laterId]
    if (shown === undefined || later === undefined || !event.json.includes(later)) return event
    const json = event.json.replaceAll(later, shown) as ByteString
    return new TurnEvent(event.type, json)
  }
}

function responseIdOf(event: TurnEvent): string | undefined {
  return event.type === 'response.created' ? stringAt(objectAt(event.fields, 'response') ?? {}, 'id') : undefined
}
