import type { ServerResponse } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import type { RawEvent } from './events.ts'
import { isGone } from './listener.ts'
import type { EventSink } from './play-scenario.ts'
import type { Scenario } from './scenario.ts'

const NEWLINES = { lf: '\n', crlf: '\r\n', cr: '\r' } as const

export interface SseFraming {
  readonly chunking: NonNullable<Scenario['chunking']>
  readonly newline: keyof typeof NEWLINES
  readonly hasEventLines: boolean
}

/** Frames events as SSE and writes them in the pieces the scenario asks for, no faster than the client reads. */
export class SseWriter implements EventSink {
  readonly #response: ServerResponse
  readonly #framing: SseFraming
  readonly #newline: string
  readonly #onBytes: (count: number) => void
  #held: string[] = []

  constructor(response: ServerResponse, framing: SseFraming, onBytes: (count: number) => void) {
    this.#response = response
    this.#framing = framing
    this.#newline = NEWLINES[framing.newline]
    this.#onBytes = onBytes
  }

  event(event: RawEvent): Promise<void> {
    const newline = this.#newline
    const eventLine = this.#framing.hasEventLines ? `event: ${event.type}${newline}` : ''
    return this.raw(`${eventLine}data: ${JSON.stringify(event)}${newline}${newline}`)
  }

  comment(text: string): Promise<void> {
    return this.raw(`: ${text}${this.#newline}${this.#newline}`)
  }

  async raw(text: string): Promise<void> {
    const { chunking } = this.#framing
    if (chunking === 'whole') this.#held.push(text)
    else if (chunking === 'event') await this.#write(Buffer.from(text))
    else await this.#writePieces(Buffer.from(text), chunking === 'byte' ? 1 : chunking)
  }

  async flush(): Promise<void> {
    if (this.#held.length === 0) return
    const bytes = Buffer.from(this.#held.join(''))
    this.#held = []
    await this.#write(bytes)
  }

  async #writePieces(bytes: Buffer, size: number): Promise<void> {
    for (let start = 0; start < bytes.length; start += size) {
      await this.#write(bytes.subarray(start, start + size))
      // Lets the piece leave as a packet of its own instead of being joined with the next.
      await setImmediate()
    }
  }

  /** Resolves when there is room for more, or nobody left to read it. */
  async #write(bytes: Buffer): Promise<void> {
    if (isGone(this.#response)) return
    this.#onBytes(bytes.length)
    if (this.#response.write(bytes)) return
    await new Promise<void>((resolve) => {
      const settle = () => {
        this.#response.off('drain', settle)
        this.#response.off('close', settle)
        resolve()
      }
      this.#response.once('drain', settle)
      this.#response.once('close', settle)
    })
  }
}
