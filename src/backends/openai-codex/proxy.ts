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
  readonly #proxies = new Map<string, ProxyAgent>()
  readonly #direct: Agent

  /** @param watch is shown every new connection */
  constructor(settings: ProxySettings, watch: (socket: WatchedSocket) => void) {
    this.#settings = settings
    this.#watch = watch
    this.#direct = new Agent({ ...POOL, connect: watched(buildConnector({ timeout: 0, allowH2: false }), watch) })
  }

  for(url: URL): Dispatcher {
    const proxy = proxyFor(url, this.#settings)
    return proxy === undefined ? this.#direct : this.#proxied(proxy)
  }

  async destroy(): Promise<void> {
    await Promise.all([this.#direct, ...this.#proxies.values()].map((agent) => agent.destroy()))
  }

  #proxied(proxy: string): ProxyAgent {
    const known = this.#proxies.get(proxy)
    if (known !== undefined) return known
    const agent = new ProxyAgent({
      ...POOL,
      uri: proxy,
      connectTimeout: 0,
      factory: (origin, options) => {
        // undici hands its own pool options through, the tunnel's connector among them.
        const pool = options as Pool.Options & { connect: buildConnector.connector }
        return new Pool(origin, { ...pool, connect: watched(pool.connect, this.#watch) })
      },
    })
    this.#proxies.set(proxy, agent)
    return agent
  }
}

/** Time limits are ours (one clock for connecting, the first byte and silence), hence none of undici's. */
const POOL = { allowH2: false, headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: 30_000, maxHeaderSize: 64 * 1024 }

export interface WatchedSocket {
  readonly bytesRead: number
  prependListener(event: 'error', listener: (error: Error) => void): unknown
}

function watched(connect: buildConnector.connector, watch: (socket: WatchedSocket) => void): buildConnector.connector {
  return (options, callback) =>
    connect(options, (...result) => {
      if (result[0] === null) watch(result[1])
      callback(...result)
    })
}
