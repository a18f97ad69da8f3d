import { BoundedCache } from '../lib/bounded-cache.ts'
import { uuidv7 } from '../lib/ids.ts'

/** What lasts for one user turn: the user's message and the tool results that follow it (upstream.md §1.3, §10.2). */
export interface TurnInProgress {
  readonly turnId: string
  readonly startedAtMs: number
  /** Lasts as long as the conversation. */
  readonly contextWindowId: string
  /** First `x-codex-turn-state` the backend gave in this turn. */
  state: string | undefined
}

const LIMITS = { maxEntries: 5000, maxBytes: 8 * 1024 * 1024, maxAgeMs: 6 * 3_600_000 }
const ENTRY_BYTES = 600

/** Remembers, per account and conversation, the turn that is under way. */
export class TurnMemory {
  readonly #turns = new BoundedCache<TurnInProgress>(LIMITS)

  /** The same turn while tool results come in, a new one with the next user message. */
  enter(accountId: string, sessionId: string, isFollowUp: boolean): TurnInProgress {
    const key = `${accountId}\n${sessionId}`
    const known = this.#turns.get(key)
    if (known !== undefined && isFollowUp) return known
    const startedAtMs = Date.now()
    const turn = {
      turnId: uuidv7(startedAtMs),
      startedAtMs,
      contextWindowId: known?.contextWindowId ?? uuidv7(startedAtMs),
      state: undefined,
    }
    this.#turns.set(key, turn, ENTRY_BYTES)
    return turn
  }
}
