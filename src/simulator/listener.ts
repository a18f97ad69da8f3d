import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createSecureServer, type Http2SecureServer, type Http2ServerResponse, type Http2Session } from 'node:http2'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'

export interface ListenerOptions {
  readonly tls?: { readonly key: string; readonly cert: string }
  /** HTTP/2 is offered beside 1.1; needs `tls`. */
  readonly http2?: boolean
}

export interface Listener {
  readonly server: Server | Http2SecureServer
  closeAllConnections(): void
}

/** The server below the simulator, in the protocols asked for. */
export function createListener(options: ListenerOptions, onRequest: RequestListener): Listener {
  const { tls, http2 = false } = options
  if (tls !== undefined && http2) return createHttp2(tls, onRequest)
  const server = tls === undefined ? createServer(onRequest) : createTlsServer(tls, onRequest)
  // A generating answer may be silent for as long as its script says.
  server.requestTimeout = 0
  return { server, closeAllConnections: () => server.closeAllConnections() }
}

/** Of an answer: what carries it beside others, a socket or an HTTP/2 session. */
export interface Connection {
  /** One object for each connection. */
  readonly key: object
  /** Lets go what was written. */
  end(): void
  reset(): void
}

/** Undefined where the connection has gone already. */
export function connectionOf(message: IncomingMessage | ServerResponse): Connection | undefined {
  const session = streamOf(message)?.session
  if (session !== undefined) return { key: session, end: () => session.destroy(), reset: () => session.destroy() }
  const { socket } = message
  return socket === null || isHttp2(message)
    ? undefined
    : { key: socket, end: () => socket.destroySoon(), reset: () => void socket.resetAndDestroy() }
}

/** True once nobody can be told anything any more. */
export function isGone(response: ServerResponse): boolean {
  return isHttp2(response) ? (streamOf(response)?.destroyed ?? true) : response.destroyed
}

/** True for an answer that has left whole. */
export function isFinished(response: ServerResponse): boolean {
  return isHttp2(response) ? response.writableEnded && streamOf(response)?.aborted === false : response.writableFinished
}

function createHttp2(tls: NonNullable<ListenerOptions['tls']>, onRequest: RequestListener): Listener {
  const sessions = new Set<Http2Session>()
  const sockets = new Set<Socket>()
  const server = createSecureServer({ ...tls, allowHTTP1: true })
  // Node's compatibility classes: the same but for what this file tells apart.
  server.on('request', onRequest as unknown as (request: unknown, response: unknown) => void)
  server.on('session', (session: Http2Session) => {
    sessions.add(session)
    session.on('error', () => {})
    session.once('close', () => sessions.delete(session))
  })
  server.on('secureConnection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return {
    server,
    closeAllConnections() {
      for (const session of sessions) session.destroy()
      for (const socket of sockets) socket.destroy()
    },
  }
}

function isHttp2(message: IncomingMessage | ServerResponse): boolean {
  return 'stream' in message
}

function streamOf(message: IncomingMessage | ServerResponse) {
  return isHttp2(message) ? (message as unknown as Http2ServerResponse).stream : undefined
}
