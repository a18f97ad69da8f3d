import { type JsonObject, numberAt, objectAt, stringAt } from '../../lib/json.ts'

/**
 * Whole seconds until another try makes sense, rounded up: the header, then the body, also nested (connector.md §13.3).
 * @param body the parsed error body or the `error` object of an event
 */
export function readRetryAfter(
  headers: Readonly<Record<string, string>>,
  body: JsonObject,
  nowMs = Date.now(),
): number | undefined {
  return fromHeader(headers['retry-after'], nowMs) ?? fromBody(body, nowMs)
}

function fromHeader(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined || value.trim() === '') return undefined
  const seconds = Number(value)
  if (Number.isFinite(seconds)) return whole(seconds)
  const dateMs = Date.parse(value)
  return Number.isNaN(dateMs) ? undefined : whole((dateMs - nowMs) / 1000)
}

function fromBody(body: JsonObject, nowMs: number): number | undefined {
  const resetsAt = numberAt(body, 'resets_at')
  const millis = numberAt(body, 'retry_after_ms')
  const own =
    numberAt(body, 'resets_in_seconds') ??
    (resetsAt === undefined ? undefined : resetsAt - nowMs / 1000) ??
    numberAt(body, 'retry_after') ??
    (millis === undefined ? undefined : millis / 1000) ??
    fromMessage(stringAt(body, 'message') ?? stringAt(body, 'detail'))
  if (own !== undefined) return whole(own)
  for (const key of ['error', 'detail', 'response']) {
    const nested = objectAt(body, key)
    const seconds = nested === undefined ? undefined : fromBody(nested, nowMs)
    if (seconds !== undefined) return seconds
  }
  return undefined
}

const WAIT = /try again in ((?:\d+(?:\.\d+)?\s*(?:ms|s|m|h)[a-z]*\s*)+)/i
const UNIT_SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600 }

/** "Please try again in 1.2s", also `350ms`, `20 seconds`, `6m0s`. */
function fromMessage(message: string | undefined): number | undefined {
  const wait = WAIT.exec(message ?? '')?.[1]
  if (wait === undefined) return undefined
  let seconds = 0
  for (const [, amount, unit = ''] of wait.matchAll(/(\d+(?:\.\d+)?)\s*(ms|s|m|h)/gi)) {
    seconds += Number(amount) * (UNIT_SECONDS[unit.toLowerCase()] ?? 0)
  }
  return seconds
}

function whole(seconds: number): number {
  return Math.max(0, Math.ceil(seconds))
}
