import { Agent, buildConnector, type Dispatcher, EnvHttpProxyAgent } from 'undici'
import { GatewayError } from '../../turn/errors.ts'
import { ResponseBody } from './response-body.ts'

export interface HttpRequest {
  readonly method: 'GET' | 'POST'
  readonly url: string
  /** Sent in this order and spelling; only `host`, `connection` and `content-length` are added. */
  readonly headers: readonly (readonly [string, string])[]
  readonly body?: Buffer | string
  /** Limit for connecting and the first byte, and for every silence after it. */
  readonly timeoutMs: number
}

export interface HttpResponse {
  readonly status: number
  /** Lower-case names; repeated ones joined, but for `set-cookie`. */
  readonly headers: Readonly<Record<string, string>>
  readonly setCookies: readonly string[]
  readonly body: ResponseBody
}

export interface ProxySettings {
  readonly httpProxy?: string | undefined
  readonly httpsProxy?: string | undefined
  readonly noProxy?: string | undefined
}

/** A reset that comes later than this after the request went out is no dead idle socket. */
const STALE_WITHIN_MS = 2000
const NEVER_PROXIED = 'localhost,127.0.0.1,[::1],::1'

/** HTTP towards the backend and the issuer: ordered headers, no redirects, abort at once, bounded buffers. */
export class HttpClient {
  readonly #dispatcher: Dispatcher
  /** Connections opened so far, by origin: an unchanged count means a request ran on a reused one. */
  readonly #connects = new Map<string, number>()

  constructor(proxy: ProxySettings = {}) {
    const connector = buildConnector({ timeout: 0 })
    const options = {
      allowH2: false,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 30_000,
      connect: (target: buildConnector.Options, done: buildConnector.Callback) => {
        const origin = `${target.protocol}//${target.host}`
        this.#connects.set(origin, (this.#connects.get(origin) ?? 0) + 1)
        connector(target, done)
      },
    }
    const isProxied = proxy.httpProxy !== undefined || proxy.httpsProxy !== undefined
    this.#dispatcher = isProxied ? createProxyAgent(proxy) : new Agent(options)
  }

  /** @throws GatewayError `upstream_unreachable`, `upstream_timeout`, `upstream_stream_ended`, or the signal's reason */
  async request(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    const origin = new URL(request.url).origin
    const connects = this.#connects.get(origin)
    const startedAtMs = Date.now()
    try {
      return await this.#send(request, signal)
    } catch (error) {
      const wasReused = connects !== undefined && this.#connects.get(origin) === connects
      const isStale =
        isReset(error) && (wasReused || hasReadBefore(error)) && Date.now() - startedAtMs < STALE_WITHIN_MS
      if (!isStale) throw toGatewayError(error, request.url)
    }
    // The socket had died while idle (Cloudflare closes them): nothing was answered, so this is still the first try.
    return this.#send(request, signal).catch((error) => {
      throw toGatewayError(error, request.url)
    })
  }

  async close(): Promise<void> {
    await this.#dispatcher.destroy()
  }

  #send(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason)
        return
      }
      const body = new ResponseBody(signal, request.timeoutMs, reject)
      const { origin, pathname, search } = new URL(request.url)
      this.#dispatcher.dispatch(
        {
          origin,
          path: pathname + search,
          method: request.method,
          headers: request.headers.flat(),
          body: request.body ?? null,
        },
        {
          onRequestStart: (controller) => body.start(controller),
          onResponseStart: (_controller, status, headers) => {
            if (status < 200) return
            body.touch()
            const setCookies = headers['set-cookie'] ?? []
            resolve({ status, headers: toFlatHeaders(headers), setCookies: [setCookies].flat(), body })
          },
          onResponseData: (_controller, chunk) => body.push(chunk),
          onResponseEnd: () => body.finish(),
          onResponseError: (_controller, error) => {
            body.fail(error)
            reject(error)
          },
        },
      )
    })
  }
}

function createProxyAgent({ httpProxy, httpsProxy, noProxy }: ProxySettings): EnvHttpProxyAgent {
  return new EnvHttpProxyAgent({
    httpProxy: httpProxy ?? '',
    httpsProxy: httpsProxy ?? httpProxy ?? '',
    noProxy: noProxy === undefined || noProxy === '' ? NEVER_PROXIED : `${noProxy},${NEVER_PROXIED}`,
    allowH2: false,
    headersTimeout: 0,
    bodyTimeout: 0,
  })
}

function toFlatHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const flat: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && name !== 'set-cookie') flat[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return flat
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

function isReset(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes(codeOf(error))
}

function hasReadBefore(error: unknown): boolean {
  // undici's SocketError carries the socket's counters.
  const socket =
    error instanceof Error && 'socket' in error ? (error.socket as { bytesRead?: unknown } | undefined) : undefined
  return typeof socket?.bytesRead === 'number' && socket.bytesRead > 0
}

function toGatewayError(error: unknown, url: string): GatewayError {
  if (error instanceof GatewayError) return error
  const { host } = new URL(url)
  const code = codeOf(error)
  return new GatewayError(
    'upstream_unreachable',
    `The backend at ${host} could not be reached${code === '' ? '' : ` (${code})`}. Check the network, a proxy setting, or base_url.`,
    { cause: error },
  )
}

/** True if the failure came before anything can have been sent: DNS, connect, TLS. */
export function isConnectError(error: unknown): boolean {
  const cause = error instanceof GatewayError ? error.cause : error
  const code = codeOf(cause)
  return (
    /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/.test(
      code,
    ) || /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(code)
  )
}
