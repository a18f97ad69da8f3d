import { BoundedCache } from '../../../lib/bounded-cache.ts'
import type { OpenStream, TransportStats } from '../../../turn/connector.ts'
import type { HttpClient } from '../http-client.ts'
import type { ProxySettings } from '../proxy.ts'
import { openTurnStream } from '../transport.ts'
import { CodexSocket } from './codex-socket.ts'
import { type Conversation, type PoolLimits, SocketPool } from './socket-pool.ts'
import type { SocketTurnRequest } from './turn-request.ts'
import type { UpgradeAnswer, Upgraded } from './upgrade.ts'

export interface TransportOptions {
  readonly client: HttpClient
  /** `websocket` asks for an upgrade every time, `auto` remembers a refusal, `sse` never asks. */
  readonly mode: 'auto' | 'websocket' | 'sse'
  readonly proxy: ProxySettings
  readonly limits?: Partial<PoolLimits>
  /** How often an idle connection is asked for a sign of life, ms. */
  readonly pingMs?: number
  readonly now?: () => number
}

const LIMITS: PoolLimits = {
  maxSocketsPerAccount: 16,
  maxSocketsPerConversation: 3,
  idleMs: 10 * 60_000,
  maxAgeMs: 55 * 60_000,
}
const PING_MS = 25_000
/** The backend without WebSockets says so with 426, and will for a while. */
const REFUSED_FOR_MS = 10 * 60_000
const FAILED_FOR_MS = 60_000
/** A host whose upgrades always fail, or hang, must not cost a turn every minute. */
const FAILED_FOR_AT_MOST_MS = 30 * 60_000
const CONVERSATIONS = { maxEntries: 10_000, maxBytes: 10_000, maxAgeMs: 6 * 3_600_000 }

/** What the turns of one backend share: the open connections, and what was learnt about opening more. */
export class Connections {
  readonly #options: TransportOptions
  readonly #now: () => number
  readonly #pool: SocketPool
  /** Host → until when it is not asked for an upgrade, and how long that is. */
  readonly #avoided = new Map<string, { readonly untilMs: number; readonly forMs: number }>()
  readonly #known: BoundedCache<true>
  #isClosed = false

  constructor(options: TransportOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#pool = new SocketPool({ ...LIMITS, ...options.limits }, this.#now)
    this.#known = new BoundedCache(CONVERSATIONS, this.#now)
  }

  get pool(): SocketPool {
    return this.#pool
  }

  get proxy(): ProxySettings {
    return this.#options.proxy
  }

  /** True while this host is not to be asked for an upgrade. */
  avoids(host: string): boolean {
    if (this.#options.mode === 'sse' || this.#isClosed) return true
    return (this.#avoided.get(host)?.untilMs ?? 0) > this.#now()
  }

  /** True once for each conversation: it begins with a warm-up. */
  isNew({ key }: Conversation): boolean {
    if (this.#known.get(key) !== undefined) return false
    this.#known.set(key, true, 1)
    return true
  }

  /** Takes a connection into the pool; its host is trusted again. */
  adopt(host: string, conversation: Conversation, socket: NonNullable<Upgraded['socket']>): CodexSocket {
    this.#avoided.delete(host)
    const times = { now: this.#now, pingMs: this.#options.pingMs ?? PING_MS }
    const adopted: CodexSocket = new CodexSocket(socket, times, () => this.#pool.remove(adopted))
    this.#pool.add(conversation, adopted)
    return adopted
  }

  /** A turn is done with its connection. */
  giveBack(socket: CodexSocket): void {
    socket.release()
    if (this.#isClosed) socket.close()
  }

  refused(host: string, { status }: Pick<UpgradeAnswer, 'status'>): void {
    if (this.#options.mode === 'websocket') return
    const last = this.#avoided.get(host)?.forMs ?? FAILED_FOR_MS / 2
    const forMs = status === 426 ? REFUSED_FOR_MS : Math.min(last * 2, FAILED_FOR_AT_MOST_MS)
    this.#avoided.set(host, { untilMs: this.#now() + forMs, forMs })
  }

  async overHttp(request: SocketTurnRequest, signal: AbortSignal, stats = noStats()): Promise<OpenStream> {
    stats.transport = 'sse'
    stats.itemsSkipped = 0
    const prepareAttempt: SocketTurnRequest['prepareAttempt'] = async (credential) => {
      const attempt = await request.prepareAttempt(credential)
      stats.bytesSent += attempt.body.length
      stats.contextBytes = attempt.bodyBytes
      return attempt
    }
    const open = await openTurnStream(this.#options.client, { ...request, prepareAttempt }, signal)
    return { ...open, stats }
  }

  close(): void {
    this.#isClosed = true
    this.#pool.close()
  }
}

export function noStats(): TransportStats {
  return { transport: 'websocket', bytesSent: 0, contextBytes: 0, itemsSkipped: 0, reconnects: 0, upgradeMs: undefined }
}
