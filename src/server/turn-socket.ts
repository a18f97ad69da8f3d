import type { RawData } from 'ws'
import type { Gateway, OpenTurn, PreparedTurn } from '../gateway/gateway.ts'
import { shortId } from '../lib/ids.ts'
import type { JsonObject } from '../lib/json.ts'
import { MemoryResponses } from '../store/memory-responses.ts'
import { GatewayError, invalidField, toErrorHead } from '../turn/errors.ts'
import type { SocketForm } from '../turn/frontend.ts'
import type { ClientRequest } from '../turn/turn.ts'
import { type Line, MessageWriter, sendMessage } from './message-writer.ts'
import { parseJsonBytes } from './read-json-body.ts'
import { Stoppable } from './stoppable.ts'
import { type Asker, noteFailure, prepareTurn, pump, reportHeaders } from './turn-steps.ts'

export interface TurnSocketOptions<P extends PreparedTurn> {
  readonly form: SocketForm
  readonly gateway: Gateway<P>
  readonly maxMessageBytes: number
  /** Silence after which a client that waits gets a sign of life, and one that does not is asked for one, ms. */
  readonly keepaliveMs: number
  /** Once for every message that was answered, or whose client left. */
  readonly onTurn: (turn: SocketTurnReport) => void
  readonly onClose: () => void
}

/** What the log says of one message. */
export interface SocketTurnReport {
  readonly id: string
  /** As the answer's would be over HTTP; 499 = the client left. */
  readonly status: number
  readonly ms: number
  readonly notes: JsonObject
}

/** Messages that wait while a response is under way; more make no sense, since each goes on from the one before it. */
const MAX_WAITING = 8
/** Answers of this connection that can be gone on from, stored or not. */
const MEMORY = { maxEntries: 16, maxBytes: 64 * 1024 * 1024, maxAgeMs: 3_600_000 }

/** RFC 6455 §7.4.1: the server goes down. */
const GOING_AWAY = 1001

interface Message {
  readonly bytes: Buffer
  readonly isBinary: boolean
}

/** A client's WebSocket: one response after the other, and what can be gone on from on this connection alone. */
export class TurnSocket<P extends PreparedTurn> {
  readonly #line: Line
  readonly #request: ClientRequest
  readonly #options: TurnSocketOptions<P>
  readonly #memory = new MemoryResponses(MEMORY)
  readonly #ping: NodeJS.Timeout
  readonly #waiting: Message[] = []
  #current: SocketCall | undefined
  #isAlive = true
  #isStopping = false

  /** @param request of the upgrade: whose key and headers hold for every message */
  constructor(line: Line, request: ClientRequest, options: TurnSocketOptions<P>) {
    this.#line = line
    this.#request = request
    this.#options = options
    const { socket } = line
    socket.on('message', (data, isBinary) => this.#receive(toBuffer(data), isBinary))
    socket.on('pong', () => {
      this.#isAlive = true
    })
    // What breaks the protocol, or is too long; the close event follows.
    socket.on('error', () => {})
    socket.once('close', () => this.#closed())
    this.#ping = setInterval(() => this.#onPing(), options.keepaliveMs)
  }

  /** No further messages; the connection ends with the response under way, or now. */
  stop(): void {
    this.#isStopping = true
    this.#waiting.length = 0
    if (this.#current === undefined) this.#line.socket.close(GOING_AWAY)
  }

  /** Ends the response under way with this error. */
  interrupt(reason: GatewayError): void {
    this.#current?.stop(reason)
  }

  terminate(): void {
    this.#line.socket.terminate()
  }

  #receive(bytes: Buffer, isBinary: boolean): void {
    this.#isAlive = true
    if (this.#isStopping) return
    const message = { bytes, isBinary }
    const waitingBytes = this.#waiting.reduce((sum, { bytes: { length } }) => sum + length, bytes.length)
    const isTooMuch = this.#waiting.length >= MAX_WAITING || waitingBytes > this.#options.maxMessageBytes
    if (this.#current !== undefined && isTooMuch) this.#refuse(message)
    else {
      this.#waiting.push(message)
      if (this.#current === undefined) void this.#work()
    }
  }

  #refuse({ bytes }: Message): void {
    const call = new SocketCall(this.#line)
    const error = new GatewayError(
      'response_in_progress',
      `A response is under way on this connection, and ${this.#waiting.length} messages wait for it. Wait too, or open another connection.`,
    )
    this.#sendError(call, error, error)
    call.notes.message_bytes = bytes.length
    this.#report(call)
  }

  /** Never rejects. */
  async #work(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const call = new SocketCall(this.#line)
      this.#current = call
      try {
        await this.#answer(call, next)
      } catch (thrown) {
        this.#sendError(call, call.failure(thrown), thrown)
      }
      this.#current = undefined
      this.#report(call)
    }
    if (this.#isStopping) this.#line.socket.close(GOING_AWAY)
  }

  async #answer(call: SocketCall, { bytes, isBinary }: Message): Promise<void> {
    if (isBinary) throw new GatewayError('invalid_json', 'Send messages as text, not as binary ones.')
    const { form, gateway, keepaliveMs } = this.#options
    const { turn, isWarmUp } = form.parse(parseJsonBytes(bytes, 'message'), this.#request)
    const prepared = await prepareTurn(turn, call, gateway, this.#memory)
    if (isWarmUp) {
      this.#warmUp(prepared, bytes.length)
      return
    }
    if (prepared.turn.body.input.length === 0) {
      throw invalidField('input', 'input is empty, and so is the conversation it goes on from.')
    }
    const reported = reportHeaders(prepared)
    const writer = new MessageWriter(this.#line, {
      form,
      encoder: form.encoder(prepared.turn),
      keepaliveMs,
      head: { ...call.head, ...reported },
      toHead: ({ headers }: OpenTurn) =>
        turn.client.family === 'codex-cli' ? { ...call.head, ...headers, ...reported } : reported,
    })
    await pump(call, gateway.open(prepared, call.signal), writer)
    call.status = writer.refusedWith ?? 200
  }

  /** Nothing is asked of the backend: what it needs to know comes with the next message. */
  #warmUp({ turn, ...prepared }: PreparedTurn, messageBytes: number): void {
    const { form } = this.#options
    const { response, messages } = form.warmUp(turn)
    const { keyId } = this.#request
    void this.#memory.remember({ keyId, response, input: turn.body.input, previousResponseId: undefined }, messageBytes)
    const reported = reportHeaders(prepared)
    if (Object.keys(reported).length > 0) sendMessage(this.#line, form.head(reported))
    for (const message of messages) sendMessage(this.#line, message)
  }

  #sendError(call: SocketCall, error: GatewayError, thrown: unknown): void {
    noteFailure(call, error, thrown)
    call.status = error.status
    if (call.clientLeft) return
    sendMessage(this.#line, this.#options.form.error(error, { ...call.head, ...toErrorHead(error) }))
  }

  #report(call: SocketCall): void {
    const { id, startedAtMs, notes, clientLeft, status } = call
    this.#options.onTurn({ id, status: clientLeft ? 499 : status, ms: Date.now() - startedAtMs, notes })
  }

  /** An idle connection whose client is silent to a ping is dead; a slow client may be reading what came before it. */
  #onPing(): void {
    if (this.#current !== undefined) {
      this.#isAlive = true
      return
    }
    if (!this.#isAlive) {
      this.terminate()
      return
    }
    this.#isAlive = false
    this.#line.socket.ping()
  }

  #closed(): void {
    clearInterval(this.#ping)
    this.#waiting.length = 0
    this.#current?.stop(new GatewayError('cancelled', 'The client closed the connection.'))
    this.#options.onClose()
  }
}

/** One message and its answer. */
class SocketCall extends Stoppable implements Asker {
  /** Ours, as that of a request. */
  readonly id = shortId('req_')
  readonly startedAtMs = Date.now()
  readonly notes: JsonObject = {}
  /** What the head of every answer says. */
  readonly head = { 'x-request-id': this.id, 'x-codexway-request-id': this.id }
  status = 200
  readonly #line: Line

  constructor(line: Line) {
    super()
    this.#line = line
  }

  get clientLeft(): boolean {
    const { socket } = this.#line
    return socket.readyState !== socket.OPEN
  }
}

function toBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data)
}
