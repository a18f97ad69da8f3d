import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  ServerResponse,
  STATUS_CODES,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Logger } from 'pino'
import { shortId } from '../lib/ids.ts'
import { GatewayError, toOpenAiError } from '../turn/errors.ts'
import type { ErrorForm } from '../turn/frontend.ts'
import type { Authenticate } from './client-auth.ts'
import { Exchange } from './exchange.ts'
import { guardOrigin, type OriginRules } from './origin-guard.ts'
import { logRequest } from './request-log.ts'
import type { RequestMetrics } from './request-metrics.ts'
import type { Router } from './router.ts'
import { asksForWebSocket, ignoreUpgrade } from './upgrade-request.ts'

export interface HttpServerOptions {
  readonly router: Router
  readonly authenticate: Authenticate
  readonly origins: OriginRules
  /** Protocols whose errors are not in OpenAI's form. */
  readonly errorForms: readonly ErrorForm[]
  readonly limits: RequestLimits
  readonly log: Logger
  readonly metrics: RequestMetrics
  /** Undefined = no WebSockets: a wish for one is not heard. */
  readonly sockets: SocketEndpoint | undefined
}

/** Where connections go that leave HTTP behind. */
export interface SocketEndpoint {
  serves(path: string): boolean
  /** @returns false if the handshake was refused, and answered @throws GatewayError */
  accept(exchange: Exchange, head: Buffer): boolean
  /** Idle ones end now, others with what they are doing. Resolves when none is left. */
  stop(): Promise<void>
  interrupt(reason: GatewayError): void
  terminate(): void
}

/** What a client may take of the gateway, whatever it asks. */
export interface RequestLimits {
  readonly maxHeaderBytes: number
  readonly maxConcurrentRequests: number
  readonly headersWithinMs: number
  /** Headers and body. */
  readonly requestWithinMs: number
}

/** How often unfinished requests are looked at; Node's own half a minute would make the limits coarse. */
const CHECK_EVERY_MS = 1000
/** Longer than common client pools keep a socket, so that it is mostly they who close. */
const KEEP_ALIVE_MS = 75_000
/** How long an error at the end of the drain may take to reach its client. */
const GOODBYE_MS = 1000
/** The client broke off, or ended in the middle of a body: nobody is there to be told. */
const GONE_CODES = new Set(['ECONNRESET', 'HPE_INVALID_EOF_STATE'])

/** The listening side: one exchange a request, from guards to the log line, and a stop that drains. */
export class HttpServer {
  readonly #options: HttpServerOptions
  readonly #servers: Server[] = []
  readonly #running = new Set<Exchange>()
  #isStopping = false

  constructor(options: HttpServerOptions) {
    this.#options = options
  }

  /** `localhost` listens on both loopback families where the machine has them. @returns the port */
  async listen(host: string, port: number): Promise<number> {
    if (host !== 'localhost') return this.#listenOn(host, port)
    const bound = await this.#listenOn('127.0.0.1', port)
    // A machine without IPv6, or with the port taken there, is still reachable over 127.0.0.1.
    await this.#listenOn('::1', bound).catch(() => {})
    return bound
  }

  /**
   * No new requests; running ones get `drainMs`, then an error, and a moment to take it. Resolves when the last one is
   * done.
   */
  async stop(drainMs: number): Promise<void> {
    this.#isStopping = true
    const { sockets } = this.#options
    const closed = this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())))
    for (const server of this.#servers) server.closeIdleConnections()
    const timer = setTimeout(() => {
      const reason = new GatewayError(
        'shutting_down',
        'The gateway is being stopped. Start it again, then repeat the request.',
      )
      for (const exchange of this.#running) exchange.stop(reason)
      sockets?.interrupt(reason)
    }, drainMs)
    // A client that takes nothing any more would hold the process for ever.
    const lastTimer = setTimeout(() => {
      for (const server of this.#servers) server.closeAllConnections()
      sockets?.terminate()
    }, drainMs + GOODBYE_MS)
    await Promise.all([...closed, sockets?.stop()])
    clearTimeout(timer)
    clearTimeout(lastTimer)
  }

  #listenOn(host: string, port: number): Promise<number> {
    const { maxHeaderBytes, headersWithinMs, requestWithinMs } = this.#options.limits
    const server: Server = createServer({
      shouldUpgradeCallback: (request) => this.#isUpgrade(request),
      maxHeaderSize: maxHeaderBytes,
      // Node takes no time for headers that is longer than the one for all.
      headersTimeout: Math.min(headersWithinMs, requestWithinMs),
      requestTimeout: requestWithinMs,
      connectionsCheckingInterval: CHECK_EVERY_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      // Node's own refusal has no body; the origin guard's has.
      requireHostHeader: false,
    })
    const onRequest: RequestListener = (request, response) => void this.#handle(request, response)
    server.on('request', onRequest)
    // An expectation nobody knows may be ignored (RFC 9110 §10.1.1), and Node's refusal has no body.
    server.on('checkExpectation', onRequest)
    if (this.#options.sockets !== undefined) {
      server.on('upgrade', (request, socket, head) => this.#onUpgrade(server, request, socket, head))
    }
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => this.#refuseMalformed(error, socket))
    server.on('connect', (_request, socket) =>
      this.#refuse(socket, badRequest(405, 'This is no proxy: CONNECT is not possible.')),
    )
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, host, () => {
        server.off('error', reject)
        this.#servers.push(server)
        // A listening TCP server's address is always an AddressInfo.
        resolve((server.address() as AddressInfo).port)
      })
    })
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const exchange = new Exchange(request, response, this.#options.errorForms)
    this.#running.add(exchange)
    response.once('close', () => {
      this.#running.delete(exchange)
      this.#log(exchange)
      // Keep-alive would hold a draining server open.
      if (this.#isStopping) request.socket.end()
    })
    try {
      await this.#dispatch(exchange)
    } catch (thrown) {
      this.#fail(exchange, thrown)
    }
  }

  #isUpgrade(request: IncomingMessage): boolean {
    const { sockets } = this.#options
    const { pathname = '' } = URL.parse(request.url ?? '', 'http://localhost') ?? {}
    return !this.#isStopping && asksForWebSocket(request) && sockets?.serves(pathname) === true
  }

  #onUpgrade(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { sockets, origins, authenticate, errorForms } = this.#options
    if (sockets === undefined || !this.#isUpgrade(request)) {
      ignoreUpgrade(server, request, socket, head)
      return
    }
    // Node leaves the connection to us, with nobody listening to its errors.
    socket.on('error', () => socket.destroy())
    const response = new ServerResponse(request)
    response.shouldKeepAlive = false
    response.assignSocket(request.socket)
    response.once('finish', () => request.socket.destroySoon())
    const exchange = new Exchange(request, response, errorForms)
    response.once('close', () => this.#log(exchange))
    try {
      guardOrigin(exchange, origins)
      exchange.keyId = authenticate(exchange)
      if (sockets.accept(exchange, head)) this.#log(exchange, 101)
    } catch (thrown) {
      this.#fail(exchange, thrown)
    }
  }

  async #dispatch(exchange: Exchange): Promise<void> {
    const { router, authenticate, origins } = this.#options
    if (this.#isStopping) exchange.setHeaders({ connection: 'close' })
    if (guardOrigin(exchange, origins)) return
    const { handler, isPublic } = router.match(exchange.request.method ?? 'GET', exchange.path)
    if (!isPublic) {
      exchange.keyId = authenticate(exchange)
      this.#refuseWhenBusy()
    }
    await handler(exchange)
  }

  #refuseWhenBusy(): void {
    const { maxConcurrentRequests } = this.#options.limits
    if (this.#running.size <= maxConcurrentRequests) return
    throw new GatewayError(
      'gateway_busy',
      `The gateway is answering ${maxConcurrentRequests} requests already. Try again, or raise server.max_concurrent_requests.`,
      { retryAfterSeconds: 1 },
    )
  }

  #fail(exchange: Exchange, thrown: unknown): void {
    const error = exchange.failure(thrown)
    exchange.notes.error = error.code ?? error.kind
    if (error.kind === 'internal_error')
      this.#options.log.error({ id: exchange.id, err: error.cause }, 'the gateway failed')
    if (exchange.clientLeft) return
    if (exchange.response.headersSent) exchange.response.destroy()
    else exchange.sendError(error)
  }

  /** What is no HTTP at all, has more headers than fit, or does not come to its end, gets its answer by hand. */
  #refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
    const isLate = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
    const running = [...this.#running].find(({ request }) => request.socket === socket)
    if (isLate && running !== undefined && !running.response.headersSent) {
      const late = tooLate(this.#options.limits)
      running.stop(late)
      running.sendError(late)
      return
    }
    // Behind a request still being answered a refusal would land in the middle of that answer.
    if (running !== undefined || !socket.writable || GONE_CODES.has(error.code ?? '')) {
      socket.destroy()
      return
    }
    const { maxHeaderBytes } = this.#options.limits
    const tooLarge = `The request headers are larger than ${maxHeaderBytes} bytes. The limit is the setting server.max_header_bytes.`
    if (error.code === 'HPE_HEADER_OVERFLOW') this.#refuse(socket, badRequest(431, tooLarge))
    else if (isLate) this.#refuse(socket, tooLate(this.#options.limits))
    else this.#refuse(socket, badRequest(400, 'The request is not valid HTTP.'))
  }

  #refuse(socket: Duplex, error: GatewayError): void {
    const id = shortId('req_')
    const { status } = error
    const body = JSON.stringify(toOpenAiError(error))
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'content-type: application/json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      `x-request-id: ${id}`,
      `x-codexway-request-id: ${id}`,
      'connection: close',
    ]
    socket.on('error', () => socket.destroy())
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
    this.#options.log.info({ id, status, error: error.code ?? error.kind }, 'request')
  }

  #log({ request, response, notes, id, path, startedAtMs }: Exchange, switched?: 101): void {
    const status = switched ?? (response.writableFinished ? response.statusCode : 499)
    const { log, metrics, router } = this.#options
    const line = { id, method: request.method, path, status, ms: Date.now() - startedAtMs }
    metrics.observe(router.nameOf(path), line, notes)
    logRequest(log, line, notes)
  }
}

function badRequest(status: number, message: string): GatewayError {
  return new GatewayError('invalid_request', message, { status })
}

function tooLate({ headersWithinMs, requestWithinMs }: RequestLimits): GatewayError {
  return new GatewayError(
    'request_timeout',
    `The request took too long to arrive. The limits are the settings server.header_seconds (${headersWithinMs / 1000}) and server.request_seconds (${requestWithinMs / 1000}).`,
    // The rest of it is not read.
    { headers: { connection: 'close' } },
  )
}
