import { bytesOf } from '../../../lib/byte-string.ts'
import type { HeldContext } from './continuation.ts'
import { type AnswerOptions, type FinishedResponse, SocketAnswer } from './socket-answer.ts'
import type { BackendSocket } from './upgrade.ts'

export interface SocketTimes {
  readonly now: () => number
  /** How often an idle connection is asked for a sign of life, ms. */
  readonly pingMs: number
}

export interface AskOptions extends Omit<AnswerOptions, 'socket' | 'onEnd'> {
  /** Called before the answer's last event is taken, when the connection is free again or gone. */
  readonly onEnd: (finished: FinishedResponse | undefined) => void
}

/** How long the backend may take to answer a close. */
const CLOSE_WITHIN_MS = 2000

/** One connection to the backend: one response at a time, and the context the backend holds for it. */
export class CodexSocket {
  readonly openedAtMs: number
  lastUsedAtMs: number
  /** What can be gone on from; undefined before the first answer and after one that did not finish. */
  held: HeldContext | undefined
  readonly #socket: BackendSocket
  readonly #times: SocketTimes
  readonly #ping: NodeJS.Timeout
  #answer: SocketAnswer | undefined
  #isReserved = true
  #isAlive = true

  constructor(socket: BackendSocket, times: SocketTimes, onClose: () => void) {
    this.#socket = socket
    this.#times = times
    this.openedAtMs = times.now()
    this.lastUsedAtMs = this.openedAtMs
    socket.on('message', (data: Buffer) => this.#answer?.push(bytesOf(data)))
    socket.on('pong', () => {
      this.#isAlive = true
    })
    socket.once('close', () => {
      clearInterval(this.#ping)
      this.#answer?.broken()
      onClose()
    })
    this.#ping = setInterval(() => this.#onPing(), times.pingMs).unref()
  }

  /** True while a turn has it, from before its request is sent. */
  get isBusy(): boolean {
    return this.#isReserved || this.#answer !== undefined
  }

  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN
  }

  reserve(): void {
    this.#isReserved = true
    this.#socket.connection?.ref()
  }

  /** Idle again; as such it holds no process. */
  release(): void {
    this.#isReserved = false
    this.#isAlive = true
    this.#socket.connection?.unref()
    this.lastUsedAtMs = this.#times.now()
  }

  /** Sends one message and reads its answer. A connection whose answer does not finish is closed. */
  ask(message: string, { onEnd, ...options }: AskOptions, signal: AbortSignal): SocketAnswer {
    const socket = this.#socket
    this.held = undefined
    const answer = new SocketAnswer(
      {
        ...options,
        socket,
        onEnd: (finished) => {
          this.#answer = undefined
          if (finished === undefined) this.terminate()
          onEnd(finished)
        },
      },
      signal,
    )
    this.#answer = answer
    // A send that fails closes the socket, which ends the answer.
    socket.send(message, () => {})
    if (!this.isOpen) answer.broken()
    return answer
  }

  /** At once, so that the backend stops generating. */
  terminate(): void {
    this.#socket.terminate()
  }

  /** With a word to the backend, which need not answer it. */
  close(): void {
    clearInterval(this.#ping)
    this.#socket.close(1000)
    const timer = setTimeout(() => this.terminate(), CLOSE_WITHIN_MS).unref()
    this.#socket.once('close', () => clearTimeout(timer))
  }

  #onPing(): void {
    if (this.isBusy) return
    if (!this.#isAlive) {
      this.terminate()
      return
    }
    this.#isAlive = false
    this.#socket.ping()
  }
}
