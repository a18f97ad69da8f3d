import type { OpenStream } from '../../../turn/connector.ts'
import { Connections, type TransportOptions } from './connections.ts'
import { SocketTurn } from './socket-turn.ts'
import type { SocketTurnRequest } from './turn-request.ts'

/** A turn over WebSocket where the backend has it, over HTTP else; what the client gets is the same. */
export class SocketTransport {
  readonly #connections: Connections

  constructor(options: TransportOptions) {
    this.#connections = new Connections(options)
  }

  /** To the backend, idle ones included. */
  get openSockets(): number {
    return this.#connections.pool.size
  }

  /** Resolves with the answer's first event at hand. @throws GatewayError */
  async open(request: SocketTurnRequest, signal: AbortSignal): Promise<OpenStream> {
    if (this.#connections.avoids(request.host)) return this.#connections.overHttp(request, signal)
    return new SocketTurn(this.#connections, request, signal).open()
  }

  close(): void {
    this.#connections.close()
  }
}
