import type { Dispatcher } from 'undici'
import { GatewayError } from '../../turn/errors.ts'

/** Bytes held for a consumer that is not ready; beyond it the socket is paused. */
const HIGH_WATER_BYTES = 64 * 1024
/** How long a stream may take to end by itself after its last event. */
const END_GRACE_MS = 1000

/**
 * One answer's bytes, one read a step, pulled. Leaving the loop early closes the connection; so does the signal, and so
 * does a silence longer than the limit while the consumer is waiting.
 */
export class ResponseBody implements AsyncIterable<Buffer> {
  readonly #signal: AbortSignal
  readonly #rejectHead: (error: unknown) => void
  readonly #silence: NodeJS.Timeout
  readonly #onAbort: () => void
  #controller: Dispatcher.DispatchController | undefined
  #chunks: Buffer[] = []
  #queuedBytes = 0
  #isDone = false
  #isReleased = false
  #graceful: NodeJS.Timeout | undefined
  #error: unknown
  #wake: (() => void) | undefined

  /** @param rejectHead told of a failure while the head of the answer is still awaited */
  constructor(signal: AbortSignal, timeoutMs: number, rejectHead: (error: unknown) => void) {
    this.#signal = signal
    this.#rejectHead = rejectHead
    this.#onAbort = () => this.#abort(signal.reason)
    signal.addEventListener('abort', this.#onAbort, { once: true })
    this.#silence = setTimeout(() => this.#onSilence(timeoutMs), timeoutMs)
  }

  start(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#isDone) controller.abort(toError(this.#error))
  }

  /** Something came: the silence starts anew. */
  touch(): void {
    this.#silence.refresh()
  }

  push(chunk: Buffer): void {
    if (this.#isReleased) return
    this.#silence.refresh()
    this.#chunks.push(chunk)
    this.#queuedBytes += chunk.length
    if (this.#queuedBytes > HIGH_WATER_BYTES) this.#controller?.pause()
    this.#wakeUp()
  }

  finish(): void {
    this.#settle()
  }

  fail(error: unknown): void {
    this.#error ??= error instanceof GatewayError ? error : endedError(error)
    this.#settle()
  }

  /** Nothing more is wanted, but the end may be under way: a socket that reaches it can be used again. */
  release(): void {
    if (this.#isDone || this.#isReleased) return
    this.#isReleased = true
    this.#chunks = []
    clearTimeout(this.#silence)
    this.#resume()
    this.#graceful = setTimeout(() => {
      this.#isReleased = false
      this.close()
    }, END_GRACE_MS).unref()
  }

  /** Closes the connection unless the answer is complete. */
  close(): void {
    if (!this.#isDone && !this.#isReleased)
      this.#abort(new GatewayError('cancelled', 'The answer is no longer needed.'))
  }

  /** The whole rest as text, for answers that are no streams. @throws GatewayError if it is longer than `maxBytes` */
  async text(maxBytes = 4 * 1024 * 1024): Promise<string> {
    const chunks: Buffer[] = []
    let total = 0
    for await (const chunk of this) {
      total += chunk.length
      if (total > maxBytes) throw new GatewayError('upstream_bad_response', 'The answer is longer than expected.')
      chunks.push(chunk)
    }
    return Buffer.concat(chunks).toString('utf8')
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    try {
      for (;;) {
        const chunk = this.#chunks.shift()
        if (chunk !== undefined) {
          this.#queuedBytes -= chunk.length
          if (this.#chunks.length === 0 && this.#controller?.paused === true) this.#resume()
          yield chunk
        } else if (this.#error !== undefined) throw this.#error
        else if (this.#isDone) return
        else await this.#woken()
      }
    } finally {
      this.close()
    }
  }

  #resume(): void {
    if (!this.#isReleased) this.#silence.refresh()
    this.#controller?.resume()
  }

  #woken(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    return promise
  }

  #wakeUp(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  #onSilence(timeoutMs: number): void {
    // A paused socket is silent because our client is slow, which is no fault of the backend.
    if (this.#controller?.paused === true) {
      this.#silence.refresh()
      return
    }
    this.#abort(
      new GatewayError(
        'upstream_timeout',
        `The backend sent nothing for ${timeoutMs / 1000} s (the setting "timeout").`,
      ),
    )
  }

  #abort(reason: unknown): void {
    this.#error ??= reason
    this.#settle()
    this.#controller?.abort(toError(reason))
    this.#rejectHead(reason)
  }

  #settle(): void {
    this.#isDone = true
    clearTimeout(this.#silence)
    clearTimeout(this.#graceful)
    this.#signal.removeEventListener('abort', this.#onAbort)
    this.#wakeUp()
  }
}

function endedError(cause: unknown): GatewayError {
  return new GatewayError(
    'upstream_stream_ended',
    'The backend closed the connection before its answer was complete.',
    { cause },
  )
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason })
}
