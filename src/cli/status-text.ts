import type { JsonObject } from '../lib/json.ts'
import type { TokenCount } from '../store/daily-tokens.ts'

/** What `codexway status` knows of one backend instance. */
export interface BackendStatus {
  readonly backend: string
  /** Its name, where the instance has several. */
  readonly account?: string
  readonly state: string
  /** Masked. */
  readonly email: string | undefined
  readonly plan_type: string | null
  readonly windows: readonly StatusWindow[]
  readonly credits: JsonObject | null
  /** Since midnight, through codexway. */
  readonly tokens_today: TokenCount
  /** Unix seconds; null = the backend did not answer. */
  readonly observed_at: number | null
  /** What is wrong, and what to do. */
  readonly problem: string | undefined
}

interface StatusWindow {
  readonly name: string
  readonly used_percent: number
  /** Unix seconds. */
  readonly resets_at: number | null
}

export interface TextOptions {
  readonly nowMs: number
  /** IANA name; default: that of this machine. */
  readonly timeZone?: string
}

const BAR_CELLS = 20
const DAY_MS = 24 * 3_600_000

/** For people: a line for the account, one for each window with a bar and the reset in local time, one for credits. */
export function toStatusText(statuses: readonly BackendStatus[], options: TextOptions): string {
  return statuses.map((status) => toBlock(status, options).join('\n')).join('\n\n')
}

function toBlock(status: BackendStatus, options: TextOptions): string[] {
  const { backend, account, email, plan_type: plan, windows, credits, problem } = status
  const name = account === undefined ? backend : `${backend} (${account})`
  const who = [email ?? 'unnamed account', ...(plan === null ? [] : [`plan ${plan}`])].join(', ')
  if (problem !== undefined) return [`${name}: ${problem}`]
  const width = Math.max(0, ...windows.map(({ name }) => name.length))
  return [
    `${name}: ${who}`,
    ...windows.map((window) => toLine(window, width, options)),
    ...(windows.length === 0 ? ['  no windows: this plan tells no limits'] : []),
    `  credits: ${toCredits(credits)}`,
    `  today: ${toTokens(status.tokens_today)}`,
  ]
}

function toLine({ name, used_percent: used, resets_at: resetsAt }: StatusWindow, width: number, options: TextOptions) {
  const filled = Math.min(BAR_CELLS, Math.max(0, Math.round((used / 100) * BAR_CELLS)))
  const bar = '█'.repeat(filled) + '░'.repeat(BAR_CELLS - filled)
  const percent = `${Math.round(used)} %`.padStart(5)
  const resets = resetsAt === null ? '' : `  resets ${toWhen(resetsAt * 1000, options)}`
  return `  ${name.padEnd(width)}  ${bar} ${percent} used${resets}`
}

/** The day is told only if it is not today. */
function toWhen(atMs: number, { nowMs, timeZone }: TextOptions): string {
  const zone = timeZone === undefined ? {} : { timeZone }
  const time = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', ...zone })
  const day = new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', month: 'short', ...zone })
  const isToday = Math.abs(atMs - nowMs) < DAY_MS && day.format(atMs) === day.format(nowMs)
  const when = isToday ? time.format(atMs) : `${day.format(atMs)} ${time.format(atMs)}`
  return `${when} (in ${toSpan(atMs - nowMs)})`
}

function toSpan(ms: number): string {
  const minutes = Math.max(0, Math.round(ms / 60_000))
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`
}

function toTokens({ turns, input_tokens: input, cached_tokens: cached, output_tokens: output }: TokenCount): string {
  if (turns === 0) return 'no tokens through codexway'
  const write = (count: number) => count.toLocaleString('en')
  return `${write(input + output)} tokens in ${write(turns)} turns (${write(input)} in, ${write(cached)} of them cached, ${write(output)} out)`
}

function toCredits(credits: JsonObject | null): string {
  if (credits === null) return 'unknown'
  if (credits.unlimited === true) return 'unlimited'
  return credits.has_credits === true ? String(credits.balance ?? 'some') : 'none'
}
