import { setImmediate } from 'node:timers/promises'
import type { WebSocket } from 'ws'
import type { RawEvent } from './events.ts'
import type { EventSink } from './play-scenario.ts'
import type { Scenario } from './scenario.ts'

export interface MessageSinkOptions {
  readonly chunking: NonNullable<Scenario['chunking']>
  /** Told of every event before it leaves. */
  readonly onEvent: (event: RawEvent) => void
  readonly onBytes: (count: number) => void
}

/** One text message per event, in as many frames as the scenario asks for, no faster than the client reads. */
export class MessageSink implements EventSink {
  readonly #socket: WebSocket
  readonly #options: MessageSinkOptions
  #held: Promise<void>[] = []

  constructor(socket: WebSocket, options: MessageSinkOptions) {
    this.#socket = socket
    this.#options = options
  }

  event(event: RawEvent): Promise<void> {
    this.#options.onEvent(event)
    return this.raw(JSON.stringify(event))
  }

  async raw(text: string): Promise<void> {
    const bytes = Buffer.from(text)
    this.#options.onBytes(bytes.length)
    const { chunking } = this.#options
    if (chunking === 'whole') this.#held.push(this.#send(bytes, true))
    else if (chunking === 'event') await this.#send(bytes, true)
    else await this.#sendPieces(bytes, chunking === 'byte' ? 1 : chunking)
  }

  /** The protocol has none. */
  async comment(): Promise<void> {}

  async flush(): Promise<void> {
    await Promise.all(this.#held)
    this.#held = []
  }

  async #sendPieces(bytes: Buffer, size: number): Promise<void> {
    for (let start = 0; start < bytes.length; start += size) {
      const end = start + size
      await this.#send(bytes.subarray(start, end), end >= bytes.length)
      await setImmediate()
    }
  }

  /** Resolves when it has been written, or there is nobody left to read it. */
  #send(bytes: Buffer, isLast: boolean): Promise<void> {
    return new Promise((resolve) => this.#socket.send(bytes, { binary: false, fin: isLast }, () => resolve()))
  }
}
