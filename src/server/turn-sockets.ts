import type { IncomingMessage } from 'node:http'
import { WebSocketServer } from 'ws'
import type { Gateway, PreparedTurn } from '../gateway/gateway.ts'
import type { Logger } from '../lib/logger.ts'
import { GatewayError } from '../turn/errors.ts'
import type { SocketForm } from '../turn/frontend.ts'
import type { Exchange } from './exchange.ts'
import { logRequest } from './request-log.ts'
import type { RequestMetrics } from './request-metrics.ts'
import { type SocketTurnReport, TurnSocket } from './turn-socket.ts'

export interface TurnSocketsOptions<P extends PreparedTurn> {
  /** Path → the protocol spoken there. */
  readonly forms: ReadonlyMap<string, SocketForm>
  readonly gateway: Gateway<P>
  /** Of a message, unpacked. */
  readonly maxBodyBytes: number
  /** Silence after which a client gets a sign of life, or is asked for one, ms. */
  readonly keepaliveMs: number
  readonly log: Logger
  readonly metrics: RequestMetrics
}

/** More than one person's agents open; each costs memory for what it may go on from. */
const MAX_SOCKETS = 256

/** Clients' WebSockets: how they begin, how many there are, and how they end. */
export class TurnSockets<P extends PreparedTurn> {
  readonly #options: TurnSocketsOptions<P>
  readonly #server: WebSocketServer
  readonly #sockets = new Set<TurnSocket<P>>()
  readonly #pending = new WeakMap<IncomingMessage, Exchange>()
  #onEmpty: (() => void) | undefined

  constructor(options: TurnSocketsOptions<P>) {
    this.#options = options
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: options.maxBodyBytes,
      perMessageDeflate: { serverNoContextTakeover: true },
    })
    this.#server.on('headers', (lines, request) => {
      const { id = '' } = this.#pending.get(request) ?? {}
      lines.push(`x-request-id: ${id}`, `x-codexway-request-id: ${id}`)
    })
    this.#server.on('wsClientError', ({ message }, _socket, request) => {
      const words = `The request for a WebSocket is not in order: ${message}.`
      this.#pending.get(request)?.sendError(new GatewayError('invalid_request', words))
    })
  }

  /** True if there is a WebSocket to be had here. */
  serves(path: string): boolean {
    return this.#options.forms.has(path)
  }

  /**
   * Makes the connection of a request that has passed every check a WebSocket, or refuses its handshake.
   * @param head what the client has sent behind its request
   * @returns false if it was refused, and answered
   * @throws GatewayError `too_many_connections`
   */
  accept(exchange: Exchange, head: Buffer): boolean {
    const { request, response, path } = exchange
    const { socket: tcp } = request
    const form = this.#options.forms.get(path)
    if (this.#sockets.size >= MAX_SOCKETS || form === undefined) {
      throw new GatewayError(
        'too_many_connections',
        `There are ${MAX_SOCKETS} WebSocket connections already. Close some, or use POST ${path}.`,
      )
    }
    this.#pending.set(request, exchange)
    let isAccepted = false
    this.#server.handleUpgrade(request, tcp, head, (socket) => {
      isAccepted = true
      response.detachSocket(tcp)
      const { gateway, keepaliveMs, maxBodyBytes } = this.#options
      const opened: TurnSocket<P> = new TurnSocket({ socket, tcp }, exchange, {
        form,
        gateway,
        keepaliveMs,
        maxMessageBytes: maxBodyBytes,
        onTurn: (turn) => this.#log(exchange, turn),
        onClose: () => this.#closed(opened),
      })
      this.#sockets.add(opened)
    })
    return isAccepted
  }

  /** Idle connections end now, others with their response. Resolves when none is left. */
  async stop(): Promise<void> {
    if (this.#sockets.size === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onEmpty = resolve
    for (const socket of this.#sockets) socket.stop()
    await promise
  }

  interrupt(reason: GatewayError): void {
    for (const socket of this.#sockets) socket.interrupt(reason)
  }

  terminate(): void {
    for (const socket of this.#sockets) socket.terminate()
  }

  #closed(socket: TurnSocket<P>): void {
    this.#sockets.delete(socket)
    if (this.#sockets.size === 0) this.#onEmpty?.()
  }

  #log({ path }: Exchange, { id, status, ms, notes }: SocketTurnReport): void {
    const { log, metrics } = this.#options
    const line = { id, method: 'WEBSOCKET', path, status, ms }
    // A path that is served is a route's name.
    metrics.observe(path, line, notes)
    logRequest(log, line, notes)
  }
}
