import { isObject, type JsonObject, numberAt, objectAt, stringAt } from '../../lib/json.ts'

/** One window of the plan, told by its length: slots move between plans (connector.md §13.4, backend-facts.md §10). */
export interface LimitWindow {
  /** `5h`, `weekly`, `monthly`, or the length in minutes. */
  readonly name: string
  readonly used_percent: number
  readonly window_minutes: number
  /** Unix seconds; null if the backend did not say. */
  readonly resets_at: number | null
}

export interface RateLimits {
  readonly plan_type: string | null
  readonly windows: readonly LimitWindow[]
  readonly credits: JsonObject | null
  /** Unix seconds. */
  readonly observed_at: number
}

const SLOTS = ['primary', 'secondary', 'tertiary'] as const

/** `x-codex-*` headers; undefined if they name no window. Empty values are common and mean nothing. */
export function fromHeaders(headers: Readonly<Record<string, string>>, nowMs = Date.now()): RateLimits | undefined {
  const windows = SLOTS.flatMap((slot) => {
    const read = (name: string) => toNumber(headers[`x-codex-${slot}-${name}`])
    const resetsAfter = read('reset-after-seconds')
    const resetsAt =
      read('reset-at') ?? (resetsAfter === undefined ? undefined : Math.round(nowMs / 1000) + resetsAfter)
    return toWindow(read('used-percent'), read('window-minutes'), resetsAt)
  })
  if (windows.length === 0) return undefined
  const credit = (name: string) => headers[`x-codex-credits-${name}`]
  const hasCredits = credit('has-credits')
  return {
    plan_type: headers['x-codex-plan-type'] ?? null,
    windows,
    credits:
      hasCredits === undefined || hasCredits === ''
        ? null
        : {
            has_credits: isTrue(hasCredits),
            unlimited: isTrue(credit('unlimited')),
            balance: credit('balance') ?? null,
          },
    observed_at: Math.round(nowMs / 1000),
  }
}

/** A `codex.rate_limits` event (upstream.md §5). */
export function fromEvent(event: JsonObject, nowMs = Date.now()): RateLimits | undefined {
  const limits = objectAt(event, 'rate_limits')
  if (limits === undefined) return undefined
  return toView(event, nowMs, (slot) => {
    const window = objectAt(limits, slot)
    return (
      window &&
      toWindow(numberAt(window, 'used_percent'), numberAt(window, 'window_minutes'), numberAt(window, 'reset_at'))
    )
  })
}

/** The backend's own usage answer (upstream.md §4). */
export function fromUsage(body: JsonObject, nowMs = Date.now()): RateLimits {
  const limits = objectAt(body, 'rate_limit') ?? {}
  return toView(body, nowMs, (slot) => {
    const window = objectAt(limits, `${slot}_window`)
    const seconds = window && numberAt(window, 'limit_window_seconds')
    if (window === undefined || seconds === undefined) return []
    return toWindow(numberAt(window, 'used_percent'), seconds / 60, numberAt(window, 'reset_at'))
  })
}

function toView(
  source: JsonObject,
  nowMs: number,
  read: (slot: (typeof SLOTS)[number]) => LimitWindow[] | undefined,
): RateLimits {
  return {
    plan_type: stringAt(source, 'plan_type') ?? null,
    windows: SLOTS.flatMap((slot) => read(slot) ?? []),
    credits: isObject(source.credits) ? source.credits : null,
    observed_at: Math.round(nowMs / 1000),
  }
}

function toWindow(
  usedPercent: number | undefined,
  minutes: number | undefined,
  resetsAt: number | undefined,
): LimitWindow[] {
  if (usedPercent === undefined || minutes === undefined) return []
  return [{ name: nameOf(minutes), used_percent: usedPercent, window_minutes: minutes, resets_at: resetsAt ?? null }]
}

function nameOf(minutes: number): string {
  if (minutes === 300) return '5h'
  if (minutes === 10_080) return 'weekly'
  return minutes >= 40_320 ? 'monthly' : `${minutes}min`
}

function toNumber(value: string | undefined): number | undefined {
  if (value === undefined || value.trim() === '') return undefined
  const number = Number(value)
  return Number.isFinite(number) ? number : undefined
}

function isTrue(value: string | undefined): boolean {
  return /^(?:true|1)$/i.test(value ?? '')
}
