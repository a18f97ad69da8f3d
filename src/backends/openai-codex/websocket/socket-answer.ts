import type { ByteString } from '../../../lib/byte-string.ts'
import { isObject, type JsonObject, numberAt, objectAt, stringAt } from '../../../lib/json.ts'
import { type DeltaForm, readRun, toDeltaForm } from '../../../turn/delta-run.ts'
import { GatewayError } from '../../../turn/errors.ts'
import { type EventBatch, isTerminal, TurnEvent, type TurnStream } from '../../../turn/events.ts'
import { brokenEvent, type FailureContext, toEventFailure } from '../failures.ts'
import { toCancelled } from '../response-body.ts'

export interface AnswerOptions extends FailureContext {
  /** Limit for every silence while somebody is waiting. */
  readonly timeoutMs: number
  /** Told of the backend's private `codex.*` events. */
  readonly onPrivateEvent: (event: TurnEvent) => void
  readonly socket: { pause(): void; resume(): void }
  /** Once; `finished` is what the connection now holds, undefined if it cannot be used again. */
  readonly onEnd: (finished: FinishedResponse | undefined) => void
}

export interface FinishedResponse {
  readonly responseId: string
  readonly output: readonly JsonObject[]
}

/** Bytes held for a consumer that is not ready; beyond it the socket is paused. */
const HIGH_WATER_BYTES = 64 * 1024
const TYPE_PREFIX = '{"type":"'

/** The events of one response on a socket; whatever has come since the last look is one batch. */
export class SocketAnswer implements TurnStream, AsyncIterator<EventBatch, undefined> {
  readonly #options: AnswerOptions
  readonly #signal: AbortSignal
  readonly #silence: NodeJS.Timeout
  readonly #onAbort: () => void
  #queue: TurnEvent[] = []
  #queuedBytes = 0
  #isPaused = false
  readonly #items: JsonObject[] = []
  #failure: GatewayError | undefined
  #isOver = false
  /** Of the last delta. */
  #form: DeltaForm | undefined
  #wake: (() => void) | undefined

  constructor(options: AnswerOptions, signal: AbortSignal) {
    this.#options = options
    this.#signal = signal
    this.#onAbort = () => this.fail(toCancelled(signal, { host: options.host, reached: true }))
    signal.addEventListener('abort', this.#onAbort, { once: true })
    this.#silence = setTimeout(() => this.#onSilence(), options.timeoutMs)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<EventBatch, undefined>> {
    for (;;) {
      if (this.#queue.length > 0) return { done: false, value: this.#take() }
      if (this.#failure !== undefined) throw this.#failure
      if (this.#isOver) return { done: true, value: undefined }
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      await promise
    }
  }

  async return(): Promise<IteratorResult<EventBatch, undefined>> {
    this.#take()
    this.#failure = undefined
    this.#end(undefined)
    return { done: true, value: undefined }
  }

  /** One message of the backend. */
  push(json: ByteString): void {
    if (this.#isOver) return
    this.#silence.refresh()
    const event = toEvent(json)
    if (this.#isBroken(event)) this.fail(brokenEvent(this.#options.host))
    else if (event.type.startsWith('codex.')) this.#options.onPrivateEvent(event)
    else if (event.type === 'error' || event.type === 'response.failed') this.fail(toEventFailure(event, this.#options))
    else if (event.type !== '') this.#keep(event)
  }

  /** The connection broke, or was given up. */
  fail(error: GatewayError): void {
    if (this.#isOver) return
    this.#failure = error
    this.#end(undefined)
  }

  broken(): void {
    const { host } = this.#options
    this.fail(
      new GatewayError(
        'upstream_stream_ended',
        `${host} closed the connection before its answer was complete. Try again.`,
      ),
    )
  }

  /** Most of what comes are deltas like the one before, which need no parsing to be known. */
  #isBroken(event: TurnEvent): boolean {
    const { type, json } = event
    if (!type.endsWith('.delta')) return event.isBroken
    const frame = `${json}\n\n` as ByteString
    if (this.#form !== undefined && readRun(frame, 0, this.#form)?.text.length === frame.length) return false
    if (event.isBroken) return true
    this.#form = toDeltaForm(new TurnEvent(type, json, frame, event.fields))
    return false
  }

  #keep(event: TurnEvent): void {
    this.#queue.push(event)
    this.#queuedBytes += event.json.length
    if (event.type === 'response.output_item.done') this.#keepItem(event.fields)
    if (isTerminal(event.type)) this.#end(this.#finished(event))
    else {
      if (this.#queuedBytes > HIGH_WATER_BYTES && !this.#isPaused) {
        this.#isPaused = true
        this.#options.socket.pause()
      }
      this.#wakeUp()
    }
  }

  #take(): EventBatch {
    const batch = this.#queue
    this.#queue = []
    this.#queuedBytes = 0
    if (this.#isPaused) {
      this.#silence.refresh()
      this.#resume()
    }
    return batch
  }

  #keepItem(fields: JsonObject): void {
    const item = objectAt(fields, 'item')
    if (item !== undefined) this.#items[numberAt(fields, 'output_index') ?? this.#items.length] = item
  }

  /** Only a completed response can be gone on from (upstream.md §2). */
  #finished({ type, fields }: TurnEvent): FinishedResponse | undefined {
    const response = objectAt(fields, 'response') ?? {}
    const responseId = stringAt(response, 'id')
    if (responseId === undefined || type === 'response.incomplete') return undefined
    const stated: unknown[] = Array.isArray(response.output) ? response.output : []
    const items = this.#items.filter(isObject)
    return { responseId, output: items.length > 0 ? items : stated.filter(isObject) }
  }

  #onSilence(): void {
    const { host, timeoutMs } = this.#options
    // A paused socket is silent because our client is slow, which is no fault of the backend.
    if (this.#isPaused) this.#silence.refresh()
    else {
      const what = `${host} sent nothing for ${timeoutMs / 1000} s`
      this.fail(new GatewayError('upstream_timeout', `${what}. The setting "timeout" is the limit.`))
    }
  }

  #end(finished: FinishedResponse | undefined): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#silence)
    this.#signal.removeEventListener('abort', this.#onAbort)
    // The next answer must not wait until this one is read: all of it is here.
    if (this.#isPaused) this.#resume()
    this.#options.onEnd(finished)
    this.#wakeUp()
  }

  #resume(): void {
    this.#isPaused = false
    this.#options.socket.resume()
  }

  #wakeUp(): void {
    this.#wake?.()
    this.#wake = undefined
  }
}

function toEvent(json: ByteString): TurnEvent {
  if (!json.startsWith(TYPE_PREFIX)) {
    const { fields } = new TurnEvent('', json)
    return new TurnEvent(stringAt(fields, 'type') ?? '', json)
  }
  return new TurnEvent(json.slice(TYPE_PREFIX.length, json.indexOf('"', TYPE_PREFIX.length)), json)
}
