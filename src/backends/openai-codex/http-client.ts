import { SendError } from '../../lib/send-error.ts'
import { GatewayError } from '../../turn/errors.ts'
import { onNextStream } from './http2-stream.ts'
import { diedIdle, watchSends } from './last-send.ts'
import { type ProxySettings, Routes, type WatchedSocket } from './proxy.ts'
import { ResponseBody, toCancelled } from './response-body.ts'

export interface HttpRequest {
  readonly method: 'GET' | 'POST'
  readonly url: string
  /**
   * Sent in this order and spelling; only `host`, `connection` and `content-length` are added. HTTP/2 knows lower case
   * only, and has pseudo-headers in place of the first two.
   */
  readonly headers: readonly (readonly [string, string])[]
  readonly body?: Buffer | string
  /** Limit for connecting and the first byte, and for every silence after it. */
  readonly timeoutMs: number
  /** Has an effect that must not come twice: not repeated even where the connection seems to have been dead. */
  readonly isOnce?: boolean
}

export interface HttpResponse {
  readonly status: number
  /** Lower-case names; repeated ones joined, but for `set-cookie`. */
  readonly headers: Readonly<Record<string, string>>
  readonly setCookies: readonly string[]
  readonly body: ResponseBody
}

/** A reset that comes later than this after the request went out is no dead idle connection. */
const STALE_WITHIN_MS = 2000
const RESET_CODES = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'])

/** HTTP towards the backend and the issuer: ordered headers, no redirects, abort at once, bounded buffers. */
export class HttpClient {
  readonly #routes: Routes
  #lastUrl: { readonly text: string; readonly url: URL } | undefined
  /** Errors of HTTP/1.1 connections that had died before they were used again. */
  readonly #idle = new WeakSet<Error>()
  /** Open HTTP/2 connections. */
  readonly #sessions = new Set<WatchedSocket>()
  /** Errors of HTTP/2 connections, with the connection. */
  readonly #ended = new WeakMap<Error, WatchedSocket>()

  constructor(proxy: ProxySettings = {}) {
    watchSends()
    this.#routes = new Routes(proxy, (socket) => this.#watch(socket))
  }

  /**
   * Resolves with the head of the answer, whatever its status.
   * @throws GatewayError `upstream_unreachable`, `upstream_timeout` or `cancelled`
   */
  async request(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    const startedAtMs = Date.now()
    for (;;) {
      const before = this.#readSoFar()
      try {
        return await this.#send(request, signal)
      } catch (error) {
        if (!(error instanceof SendError)) throw error
        // Idle connections die unnoticed (Cloudflare closes them): nothing was answered, so this is still the first try.
        const isStale =
          request.isOnce !== true && this.#isStale(error.cause, before) && Date.now() - startedAtMs < STALE_WITHIN_MS
        if (!isStale) throw toUnreachable(error)
      }
    }
  }

  async close(): Promise<void> {
    await this.#routes.destroy()
  }

  /** One URL takes nearly all requests. */
  #parse(text: string): URL {
    if (this.#lastUrl?.text !== text) this.#lastUrl = { text, url: new URL(text) }
    return this.#lastUrl.url
  }

  #watch(socket: WatchedSocket): void {
    const isHttp2 = socket.alpnProtocol === 'h2'
    socket.prependListener('error', (error) => {
      if (isHttp2) this.#ended.set(error, socket)
      else if (diedIdle(socket)) this.#idle.add(error)
    })
    if (!isHttp2) return
    this.#sessions.add(socket)
    socket.once('close', () => this.#sessions.delete(socket))
  }

  #readSoFar(): ReadonlyMap<WatchedSocket, number> | undefined {
    if (this.#sessions.size === 0) return undefined
    return new Map([...this.#sessions].map((session) => [session, session.bytesRead]))
  }

  /**
   * True for the death of a connection that had been used before: only such a one can have been idle. It must have been
   * silent since the request, too: a sign of life says that the request arrived.
   */
  #isStale(cause: unknown, before: ReadonlyMap<WatchedSocket, number> | undefined): boolean {
    if (!(cause instanceof Error) || !RESET_CODES.has(codeOf(cause))) return false
    const session = this.#ended.get(cause)
    if (session !== undefined) return before?.get(session) === session.bytesRead
    return this.#idle.has(cause)
  }

  #send(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    const url = this.#parse(request.url)
    const { promise, resolve, reject } = Promise.withResolvers<HttpResponse>()
    if (signal.aborted) {
      reject(toCancelled(signal, { host: url.host, reached: false }))
      return promise
    }
    const isSecure = url.protocol === 'https:'
    const onDeadSilence = () => {
      if (isSecure) this.#routes.renew(url)
    }
    const { timeoutMs } = request
    const body = new ResponseBody({ host: url.host, timeoutMs, rejectHead: reject, onDeadSilence }, signal)
    this.#routes.for(url).dispatch(
      {
        origin: url.origin,
        path: url.pathname + url.search,
        method: request.method,
        headers: flat(request.headers),
        body: request.body ?? null,
        headersTimeout: 0,
        bodyTimeout: 0,
      },
      {
        onRequestStart: (controller) => {
          if (isSecure) onNextStream((stream) => body.bind(stream))
          body.start(controller)
        },
        onResponseStart: (_controller, status, headers) => {
          body.touch()
          if (status >= 200) resolve({ status, ...toHeaders(headers), body })
        },
        onResponseData: (_controller, chunk) => body.push(chunk),
        onResponseEnd: () => body.finish(),
        onResponseError: (_controller, error) => {
          // A header no one may send is a mistake of ours, not of the network.
          if (codeOf(error) === 'UND_ERR_INVALID_ARG') reject(error)
          else reject(new SendError(reasonOf(error), { reached: body.isStarted, host: url.host, cause: error }))
          body.fail(error)
        },
      },
    )
    return promise
  }
}

/** True if the failure came before anything can have been sent: DNS, connect, TLS, proxy. */
export function isConnectError(error: unknown): boolean {
  return error instanceof GatewayError && error.cause instanceof SendError && !error.cause.reached
}

/** `Array.flat` is several times slower. */
function flat(pairs: HttpRequest['headers']): string[] {
  const list: string[] = []
  for (const [name, value] of pairs) list.push(name, value)
  return list
}

function toHeaders(
  headers: Record<string, string | string[] | undefined>,
): Pick<HttpResponse, 'headers' | 'setCookies'> {
  const flat: Record<string, string> = {}
  for (const name in headers) {
    const value = headers[name]
    if (value !== undefined && name !== 'set-cookie') flat[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return { headers: flat, setCookies: [headers['set-cookie'] ?? []].flat() }
}

function toUnreachable(error: SendError): GatewayError {
  const { host, message, reached } = error
  const what = reached
    ? `${host} closed the connection without an answer (${message}). Try again.`
    : `${host} could not be reached (${message}). Check the network, the proxy variables and base_url${adviceFor(message)}.`
  return new GatewayError('upstream_unreachable', what, { cause: error })
}

function adviceFor(code: string): string {
  const isTrust = /CERT|ISSUER|SELF_SIGNED|UNABLE_TO/.test(code)
  return isTrust ? '; a company certificate goes into NODE_EXTRA_CA_CERTS' : ''
}

/** Codes that say less than the words beside them: a proxy's refusal, the end of an HTTP/2 stream. */
const VAGUE_CODES = new Set(['', 'UND_ERR_ABORTED', 'UND_ERR_INFO', 'ERR_HTTP2_STREAM_ERROR'])

function reasonOf(error: Error): string {
  const code = codeOf(error)
  return VAGUE_CODES.has(code) ? error.message : code
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : ''
}
