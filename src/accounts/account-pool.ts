import { createHash } from 'node:crypto'
import { BoundedCache } from '../lib/bounded-cache.ts'
import type { Credential, CredentialSource } from '../turn/connector.ts'
import type { ErrorKind, GatewayError } from '../turn/errors.ts'

export type Strategy = 'first' | 'round_robin' | 'least_used' | 'sticky'

export interface PoolAccount {
  readonly name: string
  readonly credentials: CredentialSource
}

export interface AccountPoolOptions {
  /** At least one. */
  readonly accounts: readonly PoolAccount[]
  readonly strategy: Strategy
  /** Whether another account may answer where one is refused. */
  readonly failover: boolean
  /** Percent of the window nearest to its end; undefined = not known. */
  readonly usedPercent: (accountId: string) => number | undefined
  readonly now?: () => number
}

/** How long an account is left alone that said no without saying until when, ms. */
const COOL_DOWN_MS: Partial<Record<ErrorKind, number>> = {
  usage_limit_reached: 3_600_000,
  rate_limit_exceeded: 60_000,
  codex_auth_missing: 60_000,
  codex_auth_malformed: 60_000,
  codex_auth_missing_token: 60_000,
  codex_auth_expired: 60_000,
  codex_auth_rejected: 60_000,
  codex_auth_refresh_failed: 60_000,
  deactivated_workspace: 600_000,
  usage_not_included: 600_000,
}
const CONVERSATIONS = { maxEntries: 10_000, maxBytes: 10_000, maxAgeMs: 24 * 3_600_000 }

/**
 * Several accounts behind one instance. A conversation stays with its account, whatever the strategy, since the prompt
 * cache, the connection and sealed reasoning are the account's; the strategy decides for new ones.
 */
export class AccountPool implements CredentialSource {
  readonly #options: AccountPoolOptions
  readonly #conversations: BoundedCache<PoolAccount>
  readonly #coolUntilMs = new Map<PoolAccount, number>()
  readonly #accountIds = new Map<PoolAccount, string>()
  #turns = 0

  constructor(options: AccountPoolOptions) {
    this.#options = options
    this.#conversations = new BoundedCache(CONVERSATIONS, options.now)
  }

  /** What is no turn, such as the model list, goes to the first account that can be used. */
  current(signal: AbortSignal): Promise<Credential> {
    return this.#firstUsable().credentials.current(signal)
  }

  renew(rejected: Credential, signal: AbortSignal): Promise<Credential> {
    return this.#firstUsable().credentials.renew(rejected, signal)
  }

  describe() {
    return this.#firstUsable().credentials.describe()
  }

  /** The account of one turn. @param conversation equal for all turns of one conversation */
  forTurn(conversation: string): CredentialSource {
    const stuck = this.#conversations.get(conversation)
    const isUsable = stuck !== undefined && !this.#isCooling(stuck)
    const account = isUsable ? stuck : this.#choose(conversation, new Set())
    return this.#pin(account, conversation, new Set([account]))
  }

  #pin(account: PoolAccount, conversation: string, tried: Set<PoolAccount>): CredentialSource {
    this.#conversations.set(conversation, account, 1)
    const { credentials } = account
    return {
      current: async (signal) => {
        const credential = await credentials.current(signal)
        this.#accountIds.set(account, credential.accountId ?? '')
        return credential
      },
      renew: (rejected, signal) => credentials.renew(rejected, signal),
      describe: () => credentials.describe(),
      refused: (error) => {
        if (!this.#options.failover || !this.#cool(account, error)) return undefined
        const left = this.#options.accounts.some((other) => !tried.has(other) && !this.#isCooling(other))
        if (!left) return undefined
        const next = this.#choose(conversation, tried)
        return this.#pin(next, conversation, tried.add(next))
      },
    }
  }

  /** Only with failover: without it a refusal is nobody else's business. False for one that every account would meet with. */
  #cool(account: PoolAccount, error: GatewayError): boolean {
    const usualMs = COOL_DOWN_MS[error.kind]
    if (usualMs === undefined) return false
    const ms = error.retryAfterSeconds === undefined ? usualMs : error.retryAfterSeconds * 1000
    this.#coolUntilMs.set(account, this.#now() + ms)
    return true
  }

  #isCooling(account: PoolAccount): boolean {
    return (this.#coolUntilMs.get(account) ?? 0) > this.#now()
  }

  #choose(conversation: string, tried: ReadonlySet<PoolAccount>): PoolAccount {
    const { accounts, strategy } = this.#options
    const fresh = accounts.filter((account) => !tried.has(account))
    const ready = fresh.filter((account) => !this.#isCooling(account))
    const candidates = ready.length > 0 ? ready : fresh.length > 0 ? fresh : accounts
    switch (strategy) {
      case 'first':
        return candidates[0] as PoolAccount
      case 'round_robin':
        return candidates[this.#turns++ % candidates.length] as PoolAccount
      case 'least_used':
        return lowest(candidates, (account) => this.#usedPercent(account))
      case 'sticky':
        return lowest(candidates, ({ name }) => rank(conversation, name))
    }
  }

  /** One nobody has heard of counts as unused. */
  #usedPercent(account: PoolAccount): number {
    const accountId = this.#accountIds.get(account)
    return accountId === undefined ? 0 : (this.#options.usedPercent(accountId) ?? 0)
  }

  #firstUsable(): PoolAccount {
    const { accounts } = this.#options
    return accounts.find((account) => !this.#isCooling(account)) ?? (accounts[0] as PoolAccount)
  }

  #now(): number {
    return (this.#options.now ?? Date.now)()
  }
}

/** The first of those with the lowest value; there is at least one. */
function lowest(accounts: readonly PoolAccount[], weigh: (account: PoolAccount) => number): PoolAccount {
  return accounts.reduce((best, account) => (weigh(account) < weigh(best) ? account : best))
}

/** The same for the same pair in every process, and hardly changed for others when an account comes or goes. */
function rank(conversation: string, name: string): number {
  return createHash('sha256').update(`${name}\n${conversation}`).digest().readUInt32BE()
}
