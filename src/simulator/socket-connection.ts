import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import type { WebSocket } from 'ws'
import { arrayAt, isObject, type JsonObject, objectAt, parseJsonObject, stringAt } from '../lib/json.ts'
import { sleep } from '../lib/sleep.ts'
import { toAnswerBody } from './answer-body.ts'
import { withScenarioHeaders } from './answer-headers.ts'
import type { RawEvent } from './events.ts'
import { BEFORE_CUT_MS, IDLE_MS, isSilent } from './generate.ts'
import { MessageSink } from './message-sink.ts'
import { toOperations } from './operations.ts'
import { playScenario } from './play-scenario.ts'
import { type RecordedConnection, type RecordedRequest, toRecordedRequest } from './records.ts'
import { apiError, type Refusal } from './refusal.ts'
import type { Scenario, Step } from './scenario.ts'
import { findEnvelopeRefusal, isWarmUp, toErrorFrame } from './socket-message.ts'
import type { UsageEstimate } from './usage-estimate.ts'

/** What a connection asks of the simulator. */
export interface SocketDesk {
  /** @param earlier what the connection knows of the response that the request continues */
  findRefusal(request: RecordedRequest, earlier: readonly JsonObject[]): Refusal | undefined
  takeScenario(request: RecordedRequest): Scenario
  takeWarmUp(request: RecordedRequest): Scenario | undefined
  toHeaders(request: RecordedRequest): OutgoingHttpHeaders
  record(request: RecordedRequest, isWarmUp: boolean): void
  log(request: RecordedRequest): void
  readonly usage: UsageEstimate
  readonly paceMs: number
}

const ENDS = new Set(['response.completed', 'response.done', 'response.incomplete', 'response.failed', 'error'])
const CONTINUABLE = new Set(['response.completed', 'response.done', 'response.incomplete'])
const WARM_UP: Scenario = {
  name: 'warm-up',
  stream: [{ created: true }, { completed: { output: 'empty', as: 'response.completed' } }],
}

/** One WebSocket: its messages, one answer at a time, and what it knows of the responses it gave (upstream.md §2). */
export class SocketConnection {
  readonly #socket: WebSocket
  readonly #upgrade: IncomingMessage
  readonly #record: RecordedConnection
  readonly #desk: SocketDesk
  readonly #gone = new AbortController()
  /** Response id → all items it was made from, and its own. */
  readonly #known = new Map<string, readonly JsonObject[]>()
  #current: RecordedRequest | undefined
  #bytesRead: number
  #isDoomed = false
  #isClosing = false

  constructor(socket: WebSocket, upgrade: IncomingMessage, record: RecordedConnection, desk: SocketDesk) {
    this.#socket = socket
    this.#upgrade = upgrade
    this.#record = record
    this.#desk = desk
    this.#bytesRead = upgrade.socket.bytesRead
    socket.on('message', (data, isBinary) => this.#receive(String(data), isBinary))
    socket.on('ping', () => {
      record.pings += 1
    })
    // A message that breaks the protocol; the close event follows.
    socket.on('error', () => {})
    socket.on('close', (code) => this.#closed(code))
  }

  #receive(text: string, isBinary: boolean): void {
    if (this.#isDoomed) {
      this.#upgrade.socket.resetAndDestroy()
      return
    }
    const body = isBinary ? undefined : parseJsonObject(text)
    const refusal = findEnvelopeRefusal(body)
    if (refusal === undefined && body !== undefined) this.#take(text, body)
    else if (refusal !== undefined) this.#sendFrame(toErrorFrame(refusal.status, refusal.body, {}))
  }

  #take(text: string, body: JsonObject): void {
    const previous = stringAt(body, 'previous_response_id')
    const earlier = previous === undefined ? [] : this.#known.get(previous)
    const request = toRecordedRequest(this.#upgrade, {
      transport: 'websocket',
      connection: this.#record.number,
      text,
      encoding: undefined,
      bytesReceived: this.#countBytes(),
      earlier: earlier ?? [],
    })
    this.#desk.record(request, isWarmUp(body))
    const refusal =
      this.#findBusy() ??
      (earlier === undefined ? notFound(String(previous)) : this.#desk.findRefusal(request, earlier))
    if (refusal !== undefined) {
      this.#play(request, { name: 'refused', ...refusal })
      return
    }
    this.#current = request
    const scenario = isWarmUp(body) ? (this.#desk.takeWarmUp(request) ?? WARM_UP) : this.#desk.takeScenario(request)
    this.#play(request, scenario)
  }

  /** Not in any capture; the wording is ours. */
  #findBusy(): Refusal | undefined {
    if (this.#current === undefined) return undefined
    return apiError('A response is already in progress on this connection.', { code: 'response_in_progress' })
  }

  #play(request: RecordedRequest, scenario: Scenario): void {
    request.scenario = scenario.name
    this.#answer(request, scenario)
      .catch((thrown) => {
        if (!this.#gone.signal.aborted) this.#socket.close(1011, String(thrown).slice(0, 100))
      })
      .finally(() => this.#desk.log(request))
  }

  async #answer(request: RecordedRequest, scenario: Scenario): Promise<void> {
    const gone = this.#gone.signal
    if (scenario.delay_ms !== undefined) await sleep(scenario.delay_ms, gone)
    if (!isSilent(scenario)) {
      request.status = scenario.status ?? 200
      if (scenario.stream === undefined) await this.#sendPlain(request, scenario)
      else await this.#stream(request, scenario)
    }
    if (scenario.end === 'stall') return
    if (this.#current === request) this.#current = undefined
    request.finished = scenario.end !== 'cut'
    await this.#end(scenario)
  }

  /** What is an answer with a body over HTTP is one message here, an error unless its status is a good one. */
  async #sendPlain(request: RecordedRequest, scenario: Scenario): Promise<void> {
    const { status = 200 } = scenario
    const { text } = toAnswerBody(scenario)
    const isError = status >= 300
    if (isError) this.#forgetPrevious(request)
    // Before it leaves: the client may ask again at once.
    if (this.#current === request && scenario.end !== 'stall') this.#current = undefined
    const frame = toErrorFrame(status, parseJsonObject(text) ?? text, this.#toFrameHeaders(request, scenario))
    await this.#sink(request, scenario, []).raw(isError ? JSON.stringify(frame) : text)
  }

  async #stream(request: RecordedRequest, scenario: Scenario): Promise<void> {
    const stream = withPrelude(scenario.stream ?? [], this.#toFrameHeaders(request, scenario))
    const operations = toOperations({ ...scenario, stream }, request, this.#desk.usage)
    const sink = this.#sink(request, scenario, [])
    await playScenario(operations, sink, scenario.pace_ms ?? this.#desk.paceMs, this.#gone.signal)
  }

  #sink(request: RecordedRequest, scenario: Scenario, output: RawEvent[]): MessageSink {
    return new MessageSink(this.#socket, {
      chunking: scenario.chunking ?? 'event',
      onEvent: (event) => this.#observe(request, event, output),
      onBytes: (count) => {
        request.bytesOffered += count
      },
    })
  }

  /** Before an event leaves: with the last one the response can be continued, and the next request may come. */
  #observe(request: RecordedRequest, event: RawEvent, output: RawEvent[]): void {
    const response = objectAt(event, 'response') ?? {}
    request.responseId ??= stringAt(response, 'id')
    if (event.type === 'response.output_item.done') output.push(event)
    if (!ENDS.has(event.type)) return
    if (this.#current === request) this.#current = undefined
    const { responseId, context } = request
    if (!CONTINUABLE.has(event.type)) this.#forgetPrevious(request)
    else if (responseId !== undefined) this.#known.set(responseId, [...context, ...toItems(output, response)])
  }

  /** A failed request takes the response it continued with it (OpenAI's WebSocket guide). */
  #forgetPrevious({ previousResponseId }: RecordedRequest): void {
    if (previousResponseId !== undefined) this.#known.delete(previousResponseId)
  }

  #toFrameHeaders(request: RecordedRequest, scenario: Scenario): JsonObject {
    const { 'set-cookie': _, ...headers } = withScenarioHeaders(this.#desk.toHeaders(request), scenario)
    return headers
  }

  async #end({ end, close_code: code = 1000 }: Scenario): Promise<void> {
    const { socket: tcp } = this.#upgrade
    if (end === 'reset_next') this.#isDoomed = true
    if (end !== 'cut' && end !== 'close_socket' && end !== 'idle_after') return
    if (end === 'cut') await sleep(BEFORE_CUT_MS, this.#gone.signal)
    if (end === 'idle_after') await sleep(IDLE_MS, this.#gone.signal)
    this.#isClosing = true
    if (end === 'close_socket') this.#socket.close(code)
    else tcp.destroySoon()
  }

  #closed(code: number): void {
    this.#record.closedAtMs = Date.now()
    this.#record.closeCode = code
    if (this.#current !== undefined && !this.#isClosing) this.#current.closedAtMs = Date.now()
    this.#gone.abort()
  }

  #countBytes(): number {
    const { bytesRead } = this.#upgrade.socket
    const count = bytesRead - this.#bytesRead
    this.#bytesRead = bytesRead
    return count
  }

  #sendFrame(frame: JsonObject): void {
    this.#socket.send(JSON.stringify(frame))
  }
}

function notFound(id: string): Refusal {
  return apiError(`Previous response with id '${id}' not found.`, {
    param: 'previous_response_id',
    code: 'previous_response_not_found',
  })
}

/** On a WebSocket these two come before every answer (backend-facts.md §7, §8). */
function withPrelude(stream: readonly Step[], headers: JsonObject): Step[] {
  const [first, ...rest] = stream
  if (first === undefined || isError(first)) return [...stream]
  const metadata: Step = { event: { type: 'codex.response.metadata', headers } }
  return 'rate_limits' in first ? [first, metadata, ...rest] : [{ rate_limits: true }, metadata, ...stream]
}

function isError(step: Step): boolean {
  return 'error' in step || 'raw' in step || ('event' in step && step.event.type === 'error')
}

/** In the order of their places; those of the final event where nothing else named any. */
function toItems(output: readonly RawEvent[], response: JsonObject): JsonObject[] {
  const ordered = output.toSorted((a, b) => Number(a.output_index) - Number(b.output_index))
  const items = ordered.map(({ item }) => item).filter(isObject)
  return items.length > 0 ? items : (arrayAt(response, 'output') ?? []).filter(isObject)
}
