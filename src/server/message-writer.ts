import { isUtf8 } from 'node:buffer'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import type { OpenTurn } from '../gateway/gateway.ts'
import { type ByteString, toBytes, toText } from '../lib/byte-string.ts'
import { type GatewayError, toErrorHead } from '../turn/errors.ts'
import type { EventBatch } from '../turn/events.ts'
import type { MessageEncoder, SocketForm } from '../turn/frontend.ts'
import type { TurnSink } from './turn-steps.ts'

/** A client's connection, as far as something is written to it. */
export interface Line {
  readonly socket: WebSocket
  /** Below it: the one that knows when it is full. */
  readonly tcp: Socket
}

/** One message: the bytes as they are, unless they are no UTF-8, which would end the connection. */
export function sendMessage({ socket }: Line, json: ByteString): void {
  const bytes = Buffer.from(json, 'latin1')
  const text = isUtf8(bytes) ? bytes : Buffer.from(toBytes(toText(json)), 'latin1')
  // Answers are not compressed over HTTP either. A send that fails closes the socket, which ends the turn.
  socket.send(text, { binary: false, compress: false }, () => {})
}

export interface WriterOptions {
  readonly form: SocketForm
  readonly encoder: MessageEncoder
  /** Silence after which the client gets a sign of life, ms. */
  readonly keepaliveMs: number
  /** What HTTP would say in the head of this answer; empty = nothing that matters to this client. */
  readonly toHead: (open: OpenTurn) => Readonly<Record<string, string>>
  /** What HTTP would say in the head of any answer to this message. */
  readonly head: Readonly<Record<string, string>>
}

/** The client's side of one answer: whole batches, signs of life, and how it ends. */
export class MessageWriter implements TurnSink {
  readonly #line: Line
  readonly #options: WriterOptions
  readonly #keepalive: NodeJS.Timeout
  #hasBegun = false
  /** Of the error message that took the answer's place; undefined = there was none. */
  refusedWith: number | undefined

  constructor(line: Line, options: WriterOptions) {
    this.#line = line
    this.#options = options
    this.#keepalive = setTimeout(() => this.#onSilence(), options.keepaliveMs)
  }

  begin(open: OpenTurn): void {
    const head = this.#options.toHead(open)
    if (Object.keys(head).length > 0) sendMessage(this.#line, this.#options.form.head(head))
  }

  take(batch: EventBatch): boolean {
    this.#sendAll(this.#options.encoder.push(batch))
    return this.#line.tcp.writableNeedDrain
  }

  async drained(signal: AbortSignal): Promise<void> {
    await once(this.#line.tcp, 'drain', { signal })
  }

  fail(error: GatewayError): void {
    const { form, encoder, head } = this.#options
    if (this.#hasBegun) this.#sendAll(encoder.fail(error))
    else {
      this.refusedWith = error.status
      sendMessage(this.#line, form.error(error, { ...head, ...toErrorHead(error) }))
    }
  }

  end(): void {
    clearTimeout(this.#keepalive)
  }

  /** One packet for a batch, however many messages it makes. */
  #sendAll(messages: readonly ByteString[]): void {
    if (messages.length === 0) return
    const { tcp } = this.#line
    this.#hasBegun = true
    this.#keepalive.refresh()
    tcp.cork()
    for (const message of messages) sendMessage(this.#line, message)
    tcp.uncork()
  }

  /** A client that does not read needs no sign of life, and must not make us buffer them. */
  #onSilence(): void {
    this.#keepalive.refresh()
    const { socket, tcp } = this.#line
    if (tcp.writableNeedDrain || socket.readyState !== socket.OPEN) return
    const message = this.#options.encoder.keepalive()
    if (message === '') socket.ping()
    else sendMessage(this.#line, message)
  }
}
