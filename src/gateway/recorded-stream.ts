import type { JsonObject } from '../lib/json.ts'
import { ResponseCollector } from '../turn/collect.ts'
import type { EventBatch, TurnStream } from '../turn/events.ts'

type Step = IteratorResult<EventBatch>

/** A stream that knows what it has shown so far. */
export class RecordedStream implements TurnStream, AsyncIterator<EventBatch> {
  readonly #source: AsyncIterator<EventBatch>
  readonly #collector = new ResponseCollector()
  readonly #finish: (response: JsonObject) => void
  #response: JsonObject | undefined

  /** @param finish gets the whole response once the stream has come to a good end */
  constructor(stream: TurnStream, finish: (response: JsonObject) => void) {
    this.#source = stream[Symbol.asyncIterator]()
    this.#finish = finish
  }

  /** The response object as far as it has come. */
  response(): JsonObject {
    return this.#response ?? this.#collector.response()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<Step> {
    const step = await this.#source.next()
    if (!step.done) for (const part of step.value) this.#collector.push(part)
    else if (this.#response === undefined) {
      this.#response = this.#collector.response()
      this.#finish(this.#response)
    }
    return step
  }

  async return(): Promise<Step> {
    await this.#source.return?.()
    return { done: true, value: undefined }
  }
}
