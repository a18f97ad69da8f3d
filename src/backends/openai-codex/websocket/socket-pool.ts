import type { JsonObject } from '../../../lib/json.ts'
import type { CodexSocket } from './codex-socket.ts'
import { type Match, matchContext } from './continuation.ts'
import type { AnswerForm } from './match-answer.ts'

/** Whose conversation it is. No connection ever serves another. */
export interface Conversation {
  readonly accountId: string
  /** Account, gateway key, agent and conversation key in one. */
  readonly key: string
}

export interface PoolLimits {
  readonly maxSocketsPerAccount: number
  readonly maxSocketsPerConversation: number
  /** An idle connection is closed after it, ms. */
  readonly idleMs: number
  /** The backend ends connections after an hour (backend-facts.md §7); ours take no new turn after this, ms. */
  readonly maxAgeMs: number
}

export interface Taken {
  readonly socket: CodexSocket
  readonly match: Match
}

interface Entry {
  readonly conversation: Conversation
  readonly socket: CodexSocket
}

/** The open connections, each bound to one conversation. */
export class SocketPool {
  readonly #limits: PoolLimits
  readonly #now: () => number
  #entries: Entry[] = []
  /** Whose upgrades are under way; they count as connections. */
  readonly #opening: Conversation[] = []
  readonly #sweep: NodeJS.Timeout

  constructor(limits: PoolLimits, now: () => number) {
    this.#limits = limits
    this.#now = now
    this.#sweep = setInterval(() => this.#closeIdle(), Math.max(limits.idleMs / 4, 1)).unref()
  }

  get size(): number {
    return this.#entries.length
  }

  /**
   * The connection to use: one that holds the conversation, else one of the same conversation that holds something of no
   * use. Undefined: open another one.
   */
  take(conversation: Conversation, fields: JsonObject, form: AnswerForm): Taken | undefined {
    const own = this.#entries.filter((entry) => entry.conversation.key === conversation.key)
    const usable = own.filter(({ socket }) => !socket.isBusy && socket.isOpen && !this.#isOld(socket))
    const matched = usable.map(({ socket }) => ({ socket, match: matchOf(socket, fields, form) }))
    const best =
      matched.find(({ match }) => match.kind === 'extends') ?? matched.find(({ match }) => match.kind === 'changed')
    const isFull = own.length >= this.#limits.maxSocketsPerConversation
    const taken = best ?? (isFull ? leastRecent(matched) : undefined)
    taken?.socket.reserve()
    return taken
  }

  /** Room for one more connection, made by closing an idle one if need be. Every true needs one `opened`. */
  mayOpen(conversation: Conversation): boolean {
    const { maxSocketsPerConversation, maxSocketsPerAccount } = this.#limits
    const hasRoom =
      this.#makeRoom(maxSocketsPerConversation, ({ key }) => key === conversation.key) &&
      this.#makeRoom(maxSocketsPerAccount, ({ accountId }) => accountId === conversation.accountId)
    if (hasRoom) this.#opening.push(conversation)
    return hasRoom
  }

  /** The upgrade that `mayOpen` allowed has ended, well or not. */
  opened(conversation: Conversation): void {
    const index = this.#opening.findIndex(({ key }) => key === conversation.key)
    if (index >= 0) this.#opening.splice(index, 1)
  }

  add(conversation: Conversation, socket: CodexSocket): void {
    this.#entries.push({ conversation, socket })
  }

  remove(socket: CodexSocket): void {
    this.#entries = this.#entries.filter((entry) => entry.socket !== socket)
  }

  /** Idle connections at once; busy ones when their answer has ended, by whoever has them. */
  close(): void {
    clearInterval(this.#sweep)
    for (const entry of [...this.#entries]) if (!entry.socket.isBusy) this.#drop(entry)
  }

  #makeRoom(limit: number, isOwn: (conversation: Conversation) => boolean): boolean {
    const own = this.#entries.filter(({ conversation }) => isOwn(conversation))
    if (own.length + this.#opening.filter(isOwn).length < limit) return true
    const idle = leastRecent(own.filter(({ socket }) => !socket.isBusy))
    if (idle !== undefined) this.#drop(idle)
    return idle !== undefined
  }

  #closeIdle(): void {
    for (const entry of [...this.#entries]) {
      const { socket } = entry
      const isIdle = this.#now() - socket.lastUsedAtMs >= this.#limits.idleMs
      if (!socket.isBusy && (isIdle || this.#isOld(socket))) this.#drop(entry)
    }
  }

  #isOld({ openedAtMs }: CodexSocket): boolean {
    return this.#now() - openedAtMs >= this.#limits.maxAgeMs
  }

  #drop({ socket }: Entry): void {
    this.remove(socket)
    socket.close()
  }
}

function matchOf({ held }: CodexSocket, fields: JsonObject, form: AnswerForm): Match {
  return held === undefined ? { kind: 'changed' } : matchContext(held, fields, form)
}

function leastRecent<T extends { readonly socket: CodexSocket }>(entries: readonly T[]): T | undefined {
  return entries.reduce<T | undefined>(
    (oldest, entry) =>
      oldest === undefined || entry.socket.lastUsedAtMs < oldest.socket.lastUsedAtMs ? entry : oldest,
    undefined,
  )
}
