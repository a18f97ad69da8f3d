import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { ByteString } from '../lib/byte-string.ts'
import type { GatewayError } from '../turn/errors.ts'
import type { EventBatch } from '../turn/events.ts'
import type { Encoder } from '../turn/frontend.ts'
import type { Exchange } from './exchange.ts'
import type { TurnSink } from './turn-steps.ts'

const HEADERS = {
  'cache-control': 'no-cache',
  'x-accel-buffering': 'no',
}

const EVENT_STREAM = 'text/event-stream; charset=utf-8'

export interface StreamForm {
  /** Silence after which the client gets a sign of life, ms. */
  readonly keepaliveMs: number
  /** undefined = server-sent events. */
  readonly contentType: string | undefined
}

/** The client's side of a stream: sends the head, writes whole batches, breaks silences. */
export class StreamWriter implements TurnSink {
  readonly #response: ServerResponse
  readonly #encoder: Encoder
  readonly #keepalive: NodeJS.Timeout
  #isHeadSent = false

  /** The head leaves with the first bytes: one packet, one system call. */
  constructor(exchange: Exchange, encoder: Encoder, { keepaliveMs, contentType = EVENT_STREAM }: StreamForm) {
    const { response } = exchange
    this.#response = response
    this.#encoder = encoder
    exchange.writeHead(200, { 'content-type': contentType, ...HEADERS })
    this.#keepalive = setTimeout(() => {
      // A client that does not read needs no sign of life, and must not make us buffer them.
      if (!response.writableNeedDrain) this.#write(encoder.keepalive())
      this.#keepalive.refresh()
    }, keepaliveMs)
  }

  /** For a client that would otherwise wait for bytes that are not there yet. */
  sendHead(): void {
    if (this.#isHeadSent) return
    this.#isHeadSent = true
    this.#response.flushHeaders()
  }

  take(batch: EventBatch): boolean {
    return this.#write(this.#encoder.push(batch))
  }

  fail(error: GatewayError): void {
    this.#write(this.#encoder.fail(error))
  }

  #write(bytes: ByteString): boolean {
    if (this.#response.destroyed) return false
    if (bytes === '') {
      this.sendHead()
      return false
    }
    this.#isHeadSent = true
    this.#keepalive.refresh()
    return !this.#response.write(bytes, 'latin1')
  }

  async drained(signal: AbortSignal): Promise<void> {
    await once(this.#response, 'drain', { signal })
  }

  end(): void {
    clearTimeout(this.#keepalive)
    this.#response.end()
  }
}
