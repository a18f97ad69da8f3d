import { Agent, buildConnector, type Dispatcher, Pool, ProxyAgent } from 'undici'

/** Values of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`; whoever reads the environment hands them in. */
export interface ProxySettings {
  readonly httpProxy?: string | undefined
  readonly httpsProxy?: string | undefined
  readonly noProxy?: string | undefined
}

const LOOPBACK = /^(?:localhost|.+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

/** The proxy for one URL; undefined = direct. Loopback is never proxied (connector.md §14). */
export function proxyFor(url: URL, settings: ProxySettings): string | undefined {
  const proxy = url.protocol === 'https:' ? settings.httpsProxy : settings.httpProxy
  if (proxy === undefined || proxy === '' || LOOPBACK.test(url.hostname)) return undefined
  if (isExempt(url, settings.noProxy ?? '')) return undefined
  return proxy.includes('://') ? proxy : `http://${proxy}`
}

/** `example.com` and `.example.com` mean the name and all below it; a port narrows an entry; `*` means everything. */
function isExempt(url: URL, noProxy: string): boolean {
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .map(parseEntry)
    .some((entry) => {
      if (entry.name === '' || (entry.port !== undefined && entry.port !== port)) return false
      return entry.name === '*' || url.hostname === entry.name || url.hostname.endsWith(`.${entry.name}`)
    })
}

function parseEntry(entry: string): { name: string; port: string | undefined } {
  const isBareIpv6 = /:.*:/.test(entry) && !entry.startsWith('[')
  if (isBareIpv6) return { name: `[${entry}]`, port: undefined }
  const [, host = '', port] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? []
  return { name: host.replace(/^\*?\./, ''), port }
}

/** The dispatchers of one client: direct, and one for every proxy in use. */
export class Routes {
  readonly #settings: ProxySettings
  readonly #watch: (socket: WatchedSocket) => void
  /** By proxy; '' is the direct one. */
  readonly #agents = new Map<string, Dispatcher>()
  /** No longer asked, but answers are still under way over them. */
  readonly #retired = new Set<Dispatcher>()

  /** @param watch is shown every new connection */
  constructor(settings: ProxySettings, watch: (socket: WatchedSocket) => void) {
    this.#settings = settings
    this.#watch = watch
  }

  for(url: URL): Dispatcher {
    const proxy = proxyFor(url, this.#settings) ?? ''
    const known = this.#agents.get(proxy)
    if (known !== undefined) return known
    const agent = proxy === '' ? this.#direct() : this.#proxied(proxy)
    this.#agents.set(proxy, agent)
    return agent
  }

  /** The next request this way gets a new connection; those under way keep theirs. */
  renew(url: URL): void {
    const proxy = proxyFor(url, this.#settings) ?? ''
    const agent = this.#agents.get(proxy)
    if (agent === undefined) return
    this.#agents.delete(proxy)
    this.#retired.add(agent)
    const forget = () => void this.#retired.delete(agent)
    agent.close().then(forget, forget)
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#agents.values(), ...this.#retired].map((agent) => agent.destroy()))
  }

  #direct(): Dispatcher {
    return new Agent({ ...POOL, connect: watched(buildConnector({ ...TLS, timeout: 0 }), this.#watch) })
  }

  #proxied(proxy: string): Dispatcher {
    return new ProxyAgent({
      ...POOL,
      uri: proxy,
      connectTimeout: 0,
      requestTls: TLS,
      // The tunnel is asked for over HTTP/1.1; HTTP/2 is spoken inside it.
      proxyTls: { allowH2: false },
      factory: (origin, options) => {
        // undici hands its own pool options through, the tunnel's connector among them.
        const pool = options as Pool.Options & { connect: buildConnector.connector }
        return new Pool(origin, { ...pool, connect: watched(pool.connect, this.#watch) })
      },
    })
  }
}

/** As the Codex CLI offers it: HTTP/2 first, 1.1 where the host does not have it (upstream.md §1). */
const TLS = { allowH2: true, preferH2: true }
/** Time limits are ours (one clock for connecting, the first byte and silence), hence none of undici's. */
const POOL = { allowH2: true, headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: 30_000, maxHeaderSize: 64 * 1024 }

export interface WatchedSocket {
  readonly bytesRead: number
  /** `h2` if HTTP/2 was agreed on; plain sockets have none. */
  readonly alpnProtocol?: string | false | null
  prependListener(event: 'error', listener: (error: Error) => void): unknown
  once(event: 'close', listener: () => void): unknown
}

function watched(connect: buildConnector.connector, watch: (socket: WatchedSocket) => void): buildConnector.connector {
  return (options, callback) =>
    connect(options, (...result) => {
      if (result[0] === null) watch(result[1])
      callback(...result)
    })
}
