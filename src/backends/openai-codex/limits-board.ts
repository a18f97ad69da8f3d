import type { JsonObject } from '../../lib/json.ts'
import type { LimitWindow, RateLimits } from './rate-limits.ts'

export interface LimitsBoardOptions {
  readonly warn: (fields: JsonObject, message: string) => void
  readonly now?: () => number
}

/** Percent of a window; each is said once until the window begins anew. */
const WARN_AT = [95, 80]
const MAX_ACCOUNTS = 100

/**
 * What is left of each account's plan, from whatever source spoke last: answer headers, events and the usage call
 * (connector.md §13.4). One for the whole process, since several instances may use one account.
 */
export class LimitsBoard {
  readonly #options: LimitsBoardOptions
  readonly #seen = new Map<string, RateLimits>()
  /** Account and window → the threshold said last, and the reset it was said for. */
  readonly #said = new Map<string, { readonly percent: number; readonly resetsAt: number | null }>()

  constructor(options: LimitsBoardOptions) {
    this.#options = options
  }

  /** @param accountId '' for a sign-in that names no account */
  of(accountId: string): RateLimits | undefined {
    return this.#seen.get(accountId)
  }

  /** Takes over what is said. A source that leaves a window out says nothing about it. */
  see(accountId: string, limits: RateLimits): RateLimits {
    const old = this.#seen.get(accountId)
    const merged: RateLimits = {
      plan_type: limits.plan_type ?? old?.plan_type ?? null,
      windows: this.#merge(old?.windows ?? [], limits.windows),
      credits: limits.credits ?? old?.credits ?? null,
      observed_at: limits.observed_at,
    }
    this.#seen.delete(accountId)
    this.#seen.set(accountId, merged)
    const [oldest] = this.#seen.keys()
    if (this.#seen.size > MAX_ACCOUNTS && oldest !== undefined) this.#seen.delete(oldest)
    for (const window of merged.windows) this.#warnOf(accountId, window, merged.plan_type)
    return merged
  }

  #merge(old: readonly LimitWindow[], now: readonly LimitWindow[]): LimitWindow[] {
    const nowS = (this.#options.now ?? Date.now)() / 1000
    const isNamed = (minutes: number) => now.some((window) => window.window_minutes === minutes)
    const kept = old.filter(
      ({ window_minutes: minutes, resets_at: resetsAt }) => !isNamed(minutes) && resetsAt !== null && resetsAt > nowS,
    )
    return [...now, ...kept].sort((a, b) => a.window_minutes - b.window_minutes)
  }

  #warnOf(accountId: string, window: LimitWindow, plan: string | null): void {
    const { name, used_percent: used, resets_at: resetsAt } = window
    const key = `${accountId} ${name}`
    const said = this.#said.get(key)
    const percent = WARN_AT.find((threshold) => used >= threshold)
    if (percent === undefined) {
      this.#said.delete(key)
      return
    }
    // The reset time of a running window wanders by seconds.
    const isSame = said !== undefined && Math.abs((said.resetsAt ?? 0) - (resetsAt ?? 0)) < 60
    if (isSame && said.percent >= percent) return
    this.#said.set(key, { percent, resetsAt })
    const resets = resetsAt === null ? null : new Date(resetsAt * 1000).toISOString()
    this.#options.warn(
      { account: accountId, plan, window: name, used_percent: used, resets_at: resets },
      percent === 95 ? NEARLY_OVER : MOSTLY_USED,
    )
  }
}

const MOSTLY_USED = 'More than 80 % of a window of the plan is used.'
const NEARLY_OVER = 'More than 95 % of a window of the plan is used: requests will be refused soon.'
