import { randomUUID } from 'node:crypto'
import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import { sleep } from '../lib/sleep.ts'
import { toAnswerBody } from './answer-body.ts'
import { withScenarioHeaders } from './answer-headers.ts'
import { isSilent } from './generate.ts'
import { type OtherCall, type RecordedConnection, toOtherCall, toPairs } from './records.ts'
import { apiError, detail, type Refusal } from './refusal.ts'
import type { Scenario } from './scenario.ts'
import { SocketConnection, type SocketDesk } from './socket-connection.ts'

/** A message above this closes the connection (backend-facts.md §6). */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024
const BETA = 'responses_websockets=2026-02-06'

export interface EndpointDesk extends SocketDesk {
  /** True: the client may compress its messages (permessage-deflate). */
  readonly isCompressing: boolean
  /** All the upgrades there were, and the connections made of them, for the record. */
  readonly calls: OtherCall[]
  readonly connections: RecordedConnection[]
  readonly modelsEtag: string
  /** The scenario for this upgrade; one that answers nothing itself lets the usual answer follow. */
  takeUpgrade(call: OtherCall): Scenario | undefined
  /** What keeps the request from a WebSocket: no such offer, or no sign-in. */
  findUpgradeRefusal(call: OtherCall): Scenario | undefined
}

/** Answers requests for a WebSocket, by one or by an HTTP refusal (upstream.md §2). */
export class SocketEndpoint {
  readonly #desk: EndpointDesk
  readonly #server: WebSocketServer
  readonly #sockets = new Set<Socket>()
  #count = 0

  constructor(desk: EndpointDesk) {
    this.#desk = desk
    this.#server = new WebSocketServer({
      noServer: true,
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: desk.isCompressing,
    })
    this.#server.on('headers', (headers) => {
      const id = randomUUID()
      headers.push(`x-request-id: ${id}`, `x-oai-request-id: ${id}`, `x-models-etag: ${desk.modelsEtag}`)
      headers.push('set-cookie: __cf_bm=simulated; path=/; HttpOnly')
    })
  }

  /** Never rejects. */
  async handle(request: IncomingMessage, head: Buffer): Promise<void> {
    const { socket: tcp } = request
    this.#sockets.add(tcp)
    const gone = new AbortController()
    tcp.once('close', () => {
      this.#sockets.delete(tcp)
      gone.abort()
    })
    tcp.on('error', () => {})
    const call = toOtherCall(request, '', 'upgrade')
    this.#desk.calls.push(call)
    const scripted = this.#desk.takeUpgrade(call)
    try {
      if (scripted?.delay_ms !== undefined) await sleep(scripted.delay_ms, gone.signal)
    } catch {
      return
    }
    const refusal = isAnswer(scripted) ? scripted : (this.#desk.findUpgradeRefusal(call) ?? findBadRequest(call))
    if (refusal !== undefined) refuse(request, refusal)
    else this.#server.handleUpgrade(request, tcp, head, (socket) => this.#accept(request, socket))
  }

  /** Breaks every connection there is. */
  close(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #accept(request: IncomingMessage, socket: WebSocket): void {
    this.#count += 1
    const record: RecordedConnection = {
      number: this.#count,
      headersRaw: toPairs(request),
      headers: request.headers,
      isCompressed: socket.extensions.includes('permessage-deflate'),
      openedAtMs: Date.now(),
      closedAtMs: undefined,
      closeCode: undefined,
      pings: 0,
    }
    this.#desk.connections.push(record)
    new SocketConnection(socket, request, record, this.#desk)
  }
}

/** The CLI takes 426 as "use HTTP" (upstream.md §2). */
export function toUpgradeRefusal(status: number): Scenario {
  if (status !== 426) return { status }
  return apiError('This server offers responses over HTTP only.', { code: 'upgrade_required', status })
}

function isAnswer(scenario: Scenario | undefined): scenario is Scenario {
  if (scenario === undefined) return false
  const { status, body, html } = scenario
  return isSilent(scenario) || status !== undefined || body !== undefined || html !== undefined
}

function findBadRequest({ path, headers }: OtherCall): Refusal | undefined {
  if (!path.replace(/\?.*/s, '').endsWith('/responses')) return detail('Not Found', 404)
  const beta = String(headers['openai-beta'] ?? '').split(/\s*,\s*/)
  return beta.includes(BETA) ? undefined : apiError(`Missing beta: send 'openai-beta: ${BETA}'.`)
}

function refuse(request: IncomingMessage, scenario: Scenario): void {
  const { socket: tcp } = request
  if (isSilent(scenario)) {
    if (scenario.end === 'cut') tcp.destroy()
    return
  }
  const { text, type } = toAnswerBody(scenario)
  const headers = withScenarioHeaders({ 'content-type': type, 'x-request-id': randomUUID() }, scenario)
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(tcp)
  response.writeHead(scenario.status ?? 200, { 'content-length': Buffer.byteLength(text), ...headers })
  response.end(text, () => tcp.destroySoon())
}
