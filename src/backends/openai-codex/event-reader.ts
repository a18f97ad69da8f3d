import { parseJsonObject } from '../../lib/json.ts'
import { DeltaRun } from '../../turn/delta-run.ts'
import { GatewayError } from '../../turn/errors.ts'
import { type EventBatch, isTerminal, type TurnEvent, type TurnStream } from '../../turn/events.ts'
import { readComplaint } from './complaint.ts'
import { brokenEvent, type FailureContext, toEventFailure } from './failures.ts'
import type { HttpResponse } from './http-client.ts'
import { fromEvent, type RateLimits } from './rate-limits.ts'
import type { ResponseBody } from './response-body.ts'
import { SseDecoder } from './sse.ts'

export interface ReaderOptions extends FailureContext {
  readonly observer: { limited(limits: RateLimits): void }
}

/** How much of a body without events is kept for its error message. */
const MAX_HEAD_BYTES = 4096

/**
 * The events of one answer, a batch for every network read. The backend's private events are taken out; a failure event
 * is thrown; the first terminal event is the last one read.
 */
export class EventReader implements TurnStream, AsyncIterator<EventBatch, undefined> {
  readonly #body: ResponseBody
  readonly #options: ReaderOptions
  readonly #decoder = new SseDecoder()
  #held: EventBatch | undefined
  /** Thrown once what came before it has been taken. */
  #failure: GatewayError | undefined
  #isOver = false
  #sawEnd = false
  #hasEvents = false
  #head = ''

  constructor({ body }: HttpResponse, options: ReaderOptions) {
    this.#body = body
    this.#options = options
  }

  /**
   * Reads up to the first batch.
   * @throws GatewayError `upstream_bad_response` for a body without events; the failure if that is what came first
   */
  async begin(): Promise<void> {
    const { value } = await this.next()
    this.#held = value
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<EventBatch, undefined>> {
    const held = this.#held
    if (held !== undefined) {
      this.#held = undefined
      return { done: false, value: held }
    }
    while (!this.#isOver) {
      if (this.#body.isEmpty) await this.#body.filled()
      const batch = this.#read()
      if (batch.length > 0) return { done: false, value: batch }
    }
    if (this.#failure !== undefined) {
      const failure = this.#failure
      this.#failure = undefined
      throw failure
    }
    return { done: true, value: undefined }
  }

  async return(): Promise<IteratorResult<EventBatch, undefined>> {
    this.#held = undefined
    this.#failure = undefined
    this.#isOver = true
    this.#body.close()
    return { done: true, value: undefined }
  }

  #read(): EventBatch {
    let events: EventBatch
    try {
      const chunks = this.#body.take()
      if (!this.#hasEvents && chunks !== undefined) for (const chunk of chunks) this.#keepHead(chunk)
      events = chunks === undefined ? this.#decoder.end() : this.#decoder.push(...chunks)
      if (chunks === undefined) this.#isOver = true
    } catch (error) {
      this.#isOver = true
      this.#body.close()
      throw error
    }
    const batch = this.#sort(events)
    if (this.#isOver && this.#failure === undefined && !this.#sawEnd) this.#failure = this.#endlessFailure()
    return batch
  }

  /** Takes the backend's private events out, and stops at the first terminal one. */
  #sort(events: EventBatch): EventBatch {
    if (events.every(isPlain)) {
      this.#hasEvents ||= events.length > 0
      return events
    }
    const batch: (TurnEvent | DeltaRun)[] = []
    for (const event of events) {
      if (!(event instanceof DeltaRun) && event.isBroken) {
        this.#failure = brokenEvent(this.#options.host)
        this.#isOver = true
        this.#body.close()
        return batch
      }
      if (event.type === '') continue
      this.#hasEvents = true
      if (event instanceof DeltaRun) batch.push(event)
      else if (event.type.startsWith('codex.')) this.#observe(event)
      else if (event.type === 'response.failed' || event.type === 'error') {
        this.#end(toEventFailure(event, this.#options))
        return batch
      } else {
        batch.push(event)
        if (isTerminal(event.type)) {
          this.#end(undefined)
          return batch
        }
      }
    }
    return batch
  }

  #end(failure: GatewayError | undefined): void {
    this.#failure = failure
    this.#sawEnd = true
    this.#isOver = true
    this.#body.release()
  }

  #observe(event: TurnEvent): void {
    const limits = event.type === 'codex.rate_limits' ? fromEvent(event.fields) : undefined
    if (limits !== undefined) this.#options.observer.limited(limits)
  }

  #keepHead(chunk: Buffer): void {
    if (this.#head.length < MAX_HEAD_BYTES) this.#head += chunk.toString('latin1', 0, MAX_HEAD_BYTES)
  }

  #endlessFailure(): GatewayError {
    const { host } = this.#options
    if (this.#hasEvents) {
      return new GatewayError(
        'upstream_stream_ended',
        `${host} ended the stream without finishing its answer. Try again.`,
      )
    }
    const said = readComplaint(parseJsonObject(Buffer.from(this.#head, 'latin1').toString('utf8')) ?? {}).message
    const words = said === '' ? '' : ` It said: ${said}`
    return new GatewayError(
      'upstream_bad_response',
      `${host} answered 200 without a single event. Check base_url.${words}`,
    )
  }
}

function isPlain(event: TurnEvent | DeltaRun): boolean {
  // A run's frames have been compared with one that was read.
  if (event instanceof DeltaRun) return true
  const { type } = event
  return type !== '' && !type.startsWith('codex.') && !isTerminal(type) && !event.isBroken
}
