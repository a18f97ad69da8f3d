import { type JsonObject, numberAt, objectAt, stringAt } from '../../lib/json.ts'

/** One window of the plan, told by its length: slots move between plans (connector.md §13.4, backend-facts.md §10). */
export interface LimitWindow {
  /** `5h`, `weekly`, `monthly`, or the length in minutes. */
  readonly name: string
  readonly used_percent: number
  readonly window_minutes: number
  /** Unix seconds; null if the backend did not say. */
  readonly resets_at: number | null
}

/** What is left of a plan, in the form `GET /v1/usage` answers with. */
export interface RateLimits {
  readonly plan_type: string | null
  readonly windows: readonly LimitWindow[]
  readonly credits: JsonObject | null
  /** Unix seconds. */
  readonly observed_at: number
}

const SLOTS = ['primary', 'secondary', 'tertiary'] as const
const MONTH_MINUTES = 40_320

/** `x-codex-*` headers; undefined if they name no window. Empty values are common and mean nothing. */
export function fromHeaders(headers: Readonly<Record<string, string>>, nowMs = Date.now()): RateLimits | undefined {
  const windows = SLOTS.flatMap((slot) => {
    const read = (name: string) => toNumber(headers[`x-codex-${slot}-${name}`])
    return toWindow(
      {
        usedPercent: read('used-percent'),
        minutes: read('window-minutes'),
        resetsAt: read('reset-at'),
        resetsInSeconds: read('reset-after-seconds'),
      },
      nowMs,
    )
  })
  if (windows.length === 0) return undefined
  const { 'x-codex-plan-type': plan = '' } = headers
  return {
    plan_type: plan === '' ? null : plan,
    windows,
    credits: toCredits(headers),
    observed_at: Math.round(nowMs / 1000),
  }
}

/** A `codex.rate_limits` event (upstream.md §5); undefined for the separate limits some models have. */
export function fromEvent(event: JsonObject, nowMs = Date.now()): RateLimits | undefined {
  const limits = objectAt(event, 'rate_limits')
  const family = stringAt(event, 'metered_limit_name') ?? stringAt(event, 'limit_name') ?? 'codex'
  if (limits === undefined || family.toLowerCase() !== 'codex') return undefined
  return toRateLimits(event, nowMs, (slot) => {
    const window = objectAt(limits, slot)
    return window && { ...toReset(window), minutes: numberAt(window, 'window_minutes') }
  })
}

/** The backend's own usage answer (upstream.md §4). */
export function fromUsage(body: JsonObject, nowMs = Date.now()): RateLimits {
  const limits = objectAt(body, 'rate_limit') ?? {}
  return toRateLimits(body, nowMs, (slot) => {
    const window = objectAt(limits, `${slot}_window`)
    const seconds = window && numberAt(window, 'limit_window_seconds')
    return seconds === undefined ? undefined : { ...toReset(window ?? {}), minutes: Math.round(seconds / 60) }
  })
}

/**
 * The same for clients that only know the platform's own headers. The plan has no count of requests, so the unit is a
 * hundredth of the window that is nearest to its end.
 */
export function toRateLimitHeaders(limits: RateLimits | undefined, nowMs = Date.now()): Record<string, string> {
  const [tightest] = [...(limits?.windows ?? [])].sort((a, b) => b.used_percent - a.used_percent)
  if (tightest === undefined) return {}
  const remaining = Math.max(0, Math.floor(100 - tightest.used_percent))
  const headers = { 'x-ratelimit-limit-requests': '100', 'x-ratelimit-remaining-requests': String(remaining) }
  if (tightest.resets_at === null) return headers
  const seconds = Math.max(0, Math.round(tightest.resets_at - nowMs / 1000))
  return { ...headers, 'x-ratelimit-reset-requests': toDuration(seconds) }
}

/** `6m0s`, as the platform writes it. */
function toDuration(seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)]
  const rest = `${seconds % 60}s`
  return hours > 0 ? `${hours}h${minutes}m${rest}` : minutes > 0 ? `${minutes}m${rest}` : rest
}

interface RawWindow {
  readonly usedPercent: number | undefined
  readonly minutes: number | undefined
  readonly resetsAt: number | undefined
  readonly resetsInSeconds: number | undefined
}

function toRateLimits(
  source: JsonObject,
  nowMs: number,
  read: (slot: (typeof SLOTS)[number]) => RawWindow | undefined,
): RateLimits {
  return {
    plan_type: stringAt(source, 'plan_type') ?? null,
    windows: SLOTS.flatMap((slot) => {
      const window = read(slot)
      return window === undefined ? [] : toWindow(window, nowMs)
    }),
    credits: objectAt(source, 'credits') ?? null,
    observed_at: Math.round(nowMs / 1000),
  }
}

function toReset(window: JsonObject): Omit<RawWindow, 'minutes'> {
  return {
    usedPercent: numberAt(window, 'used_percent'),
    resetsAt: numberAt(window, 'reset_at'),
    resetsInSeconds: numberAt(window, 'reset_after_seconds'),
  }
}

/** One window or none: without a share and a length there is nothing to tell. */
function toWindow({ usedPercent, minutes, resetsAt, resetsInSeconds }: RawWindow, nowMs: number): LimitWindow[] {
  if (usedPercent === undefined || minutes === undefined || minutes <= 0) return []
  const derived = resetsInSeconds === undefined ? null : Math.round(nowMs / 1000) + resetsInSeconds
  return [{ name: nameOf(minutes), used_percent: usedPercent, window_minutes: minutes, resets_at: resetsAt ?? derived }]
}

function nameOf(minutes: number): string {
  if (minutes === 300) return '5h'
  if (minutes === 10_080) return 'weekly'
  return minutes >= MONTH_MINUTES ? 'monthly' : `${minutes}min`
}

function toCredits(headers: Readonly<Record<string, string>>): JsonObject | null {
  const read = (name: string) => headers[`x-codex-credits-${name}`] ?? ''
  if (read('has-credits') === '') return null
  return {
    has_credits: isTrue(read('has-credits')),
    unlimited: isTrue(read('unlimited')),
    balance: read('balance') === '' ? null : read('balance'),
  }
}

function toNumber(value: string | undefined): number | undefined {
  if (value === undefined || value.trim() === '') return undefined
  const number = Number(value)
  return Number.isFinite(number) ? number : undefined
}

/** `true`, `True`, `1`: all seen. */
function isTrue(value: string): boolean {
  return /^(?:true|1)$/i.test(value)
}
