import type { ClientHttp2Stream } from 'node:http2'
import type { Dispatcher } from 'undici'
import { SendError } from '../../lib/send-error.ts'
import { GatewayError } from '../../turn/errors.ts'
import { cancelStream } from './http2-stream.ts'

/** Bytes held for a consumer that is not ready; beyond it the socket is paused. */
const HIGH_WATER_BYTES = 64 * 1024
/** How long a stream may take to end by itself after its last event. */
const END_GRACE_MS = 1000
/** Whoever gives up after so long a silence may have waited for a connection that is dead. */
const SUSPICIOUS_SILENCE_MS = 5000

export interface BodyOptions {
  /** Named in errors. */
  readonly host: string
  /** Limit for connecting and the first byte, and for every silence after it. */
  readonly timeoutMs: number
  /** Told of a failure while the head of the answer is still awaited. */
  readonly rejectHead: (error: GatewayError) => void
  /** Told when the wait for the backend ended in silence: the connection may be dead, and HTTP/2 would go on using it. */
  readonly onDeadSilence?: () => void
}

/**
 * One answer's bytes, one network read a step, pulled. Leaving the loop early closes the connection (over
 * HTTP/2 the stream); so does the signal, and so does a silence longer than the limit while the consumer is waiting.
 */
export class ResponseBody implements AsyncIterable<Buffer> {
  readonly #options: BodyOptions
  readonly #signal: AbortSignal
  readonly #silence: NodeJS.Timeout
  readonly #onAbort: () => void
  #controller: Dispatcher.DispatchController | undefined
  #stream: ClientHttp2Stream | undefined
  #chunks: Buffer[] = []
  #queuedBytes = 0
  #heardAtMs = performance.now()
  #isDone = false
  #isReleased = false
  #grace: NodeJS.Timeout | undefined
  #error: GatewayError | undefined
  #wake: (() => void) | undefined

  constructor(options: BodyOptions, signal: AbortSignal) {
    this.#options = options
    this.#signal = signal
    this.#onAbort = () => this.#giveUp()
    signal.addEventListener('abort', this.#onAbort, { once: true })
    this.#silence = setTimeout(() => this.#onSilence(), options.timeoutMs)
  }

  /** True once the request may have left: a connection was there to write it to. */
  get isStarted(): boolean {
    return this.#controller !== undefined
  }

  start(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#isDone) controller.abort(this.#error ?? noLongerNeeded())
  }

  /** Over HTTP/2, the stream it has. */
  bind(stream: ClientHttp2Stream): void {
    this.#stream = stream
  }

  /** Something came: the silence starts anew. */
  touch(): void {
    if (this.#isDone) return
    this.#silence.refresh()
    this.#heardAtMs = performance.now()
  }

  push(chunk: Buffer): void {
    if (this.#isReleased || this.#isDone) return
    this.touch()
    this.#chunks.push(chunk)
    this.#queuedBytes += chunk.length
    if (this.#queuedBytes > HIGH_WATER_BYTES) this.#controller?.pause()
    this.#wakeUp()
  }

  finish(): void {
    this.#settle()
  }

  fail(cause: unknown): void {
    this.#error ??= endedError(this.#options.host, cause)
    this.#settle()
  }

  /**
   * The bytes that have come since the last call, at least those of one network read; undefined at the end.
   * @throws GatewayError when the answer is cut, silent for too long or given up
   */
  async read(): Promise<Buffer | undefined> {
    while (this.isEmpty) await this.filled()
    const chunks = this.take()
    return chunks?.length === 1 ? chunks[0] : chunks && Buffer.concat(chunks)
  }

  /** True if `take` has nothing to say yet. */
  get isEmpty(): boolean {
    return this.#chunks.length === 0 && !this.#isDone
  }

  /** Resolves when that changes. */
  filled(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    return promise
  }

  /** Like `read`, once it is not empty, in the pieces they came in. */
  take(): Buffer[] | undefined {
    const chunks = this.#chunks
    if (chunks.length === 0) {
      if (this.#error !== undefined) throw this.#error
      return undefined
    }
    this.#dropQueue()
    if (this.#controller?.paused === true) this.#resume()
    return chunks
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    try {
      for (let chunk = await this.read(); chunk !== undefined; chunk = await this.read()) yield chunk
    } finally {
      this.close()
    }
  }

  /** The whole rest as text, for answers that are no streams. @throws GatewayError also if it is longer than `maxBytes` */
  async text(maxBytes = 4 * 1024 * 1024): Promise<string> {
    const chunks: Buffer[] = []
    let total = 0
    for await (const chunk of this) {
      total += chunk.length
      if (total > maxBytes) {
        throw new GatewayError(
          'upstream_bad_response',
          `The answer of ${this.#options.host} is longer than ${maxBytes} bytes, which cannot be right.`,
        )
      }
      chunks.push(chunk)
    }
    return Buffer.concat(chunks).toString('utf8')
  }

  /** Nothing more is wanted, but the end may be under way: a connection that reaches it can be used again. */
  release(): void {
    if (this.#isDone || this.#isReleased) return
    this.#isReleased = true
    this.#dropQueue()
    clearTimeout(this.#silence)
    this.#controller?.resume()
    this.#grace = setTimeout(() => this.#abort(noLongerNeeded()), END_GRACE_MS).unref()
  }

  /** Closes the connection unless the answer is complete or about to be. */
  close(): void {
    if (this.#isDone) this.#dropQueue()
    else if (!this.#isReleased) this.#abort(noLongerNeeded())
  }

  #resume(): void {
    this.touch()
    this.#controller?.resume()
  }

  #wakeUp(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  #onSilence(): void {
    // A paused socket is silent because our client is slow, which is no fault of the backend.
    if (this.#controller?.paused === true) this.#silence.refresh()
    else {
      this.#options.onDeadSilence?.()
      this.#abort(timeoutError(this.#options, this.isStarted))
    }
  }

  #giveUp(): void {
    const isSuspicious = performance.now() - this.#heardAtMs > SUSPICIOUS_SILENCE_MS
    if (isSuspicious && this.#controller?.paused !== true) this.#options.onDeadSilence?.()
    this.#abort(toCancelled(this.#signal, { host: this.#options.host, reached: this.isStarted }))
  }

  #abort(error: GatewayError): void {
    this.#error ??= error
    this.#dropQueue()
    this.#settle()
    // First: the abort makes undici report a failure of its own.
    this.#options.rejectHead(error)
    if (this.#stream !== undefined) cancelStream(this.#stream)
    this.#controller?.abort(error)
  }

  #dropQueue(): void {
    this.#chunks = []
    this.#queuedBytes = 0
  }

  #settle(): void {
    this.#isDone = true
    clearTimeout(this.#silence)
    clearTimeout(this.#grace)
    this.#signal.removeEventListener('abort', this.#onAbort)
    this.#wakeUp()
  }
}

/** The signal's reason if it is an error of ours, else that the request was given up. */
export function toCancelled({ reason }: AbortSignal, request: { host: string; reached: boolean }): GatewayError {
  if (reason instanceof GatewayError) return reason
  return new GatewayError('cancelled', 'The request was given up before its answer was complete.', {
    cause: new SendError('given up', { ...request, cause: reason }),
  })
}

function noLongerNeeded(): GatewayError {
  return new GatewayError('cancelled', 'The rest of the answer was not needed.')
}

function timeoutError({ host, timeoutMs }: BodyOptions, reached: boolean): GatewayError {
  const seconds = timeoutMs / 1000
  const what = reached ? `${host} sent nothing for ${seconds} s` : `No connection to ${host} within ${seconds} s`
  return new GatewayError('upstream_timeout', `${what}. The setting "timeout" is the limit.`, {
    cause: new SendError(what, { reached, host }),
  })
}

function endedError(host: string, cause: unknown): GatewayError {
  return new GatewayError(
    'upstream_stream_ended',
    `${host} closed the connection before its answer was complete. Try again.`,
    { cause },
  )
}
