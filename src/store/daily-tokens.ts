import { mkdir, readdir, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomically } from '../lib/atomic-write.ts'
import { type JsonObject, numberAt, objectAt, parseJsonObject } from '../lib/json.ts'

/** By the backend's own numbers, which an answer that was cut short does not have. */
export interface TokenCount {
  readonly turns: number
  readonly input_tokens: number
  /** Part of `input_tokens`. */
  readonly cached_tokens: number
  readonly output_tokens: number
}

export interface DailyTokensOptions {
  readonly directory: string
  readonly now?: () => number
  /** How long what was counted may be in memory only, ms. */
  readonly flushAfterMs?: number
}

export const NO_TOKENS: TokenCount = { turns: 0, input_tokens: 0, cached_tokens: 0, output_tokens: 0 }

const FLUSH_AFTER_MS = 2000
const KEPT_FILES_MS = 8 * 24 * 3_600_000

/** Tokens used by account since midnight, local time. Each process has a file of its own, so that none has to lock. */
export class DailyTokens {
  readonly #options: DailyTokensOptions
  readonly #name: string
  readonly #counts = new Map<string, TokenCount>()
  #date = ''
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(options: DailyTokensOptions) {
    this.#options = options
    this.#name = `${process.pid}-${Date.now().toString(36)}`
  }

  /** @param usage a Responses `usage` object; anything else counts nothing */
  add(accountId: string, usage: unknown): void {
    const count = toCount(usage)
    if (count === undefined) return
    const date = toDate(this.#now())
    if (date !== this.#date) {
      void this.flush()
      this.#date = date
      this.#counts.clear()
    }
    this.#counts.set(accountId, sum(this.#counts.get(accountId) ?? NO_TOKENS, count))
    this.#timer ??= setTimeout(() => void this.flush(), this.#options.flushAfterMs ?? FLUSH_AFTER_MS).unref()
  }

  /** Writes what was counted. Never throws: a statistic is no reason to fail. */
  flush(): Promise<void> {
    if (this.#timer === undefined) return this.#writing
    clearTimeout(this.#timer)
    this.#timer = undefined
    const text = JSON.stringify(Object.fromEntries(this.#counts))
    const path = join(this.#options.directory, `${this.#date}.${this.#name}.json`)
    this.#writing = this.#writing.then(() => this.#write(path, text)).catch(() => undefined)
    return this.#writing
  }

  async #write(path: string, text: string): Promise<void> {
    const { directory } = this.#options
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await writeFileAtomically(path, text)
    const oldest = toDate(this.#now() - KEPT_FILES_MS)
    const old = (await readdir(directory)).filter((name) => name.slice(0, oldest.length) < oldest)
    await Promise.all(old.map((name) => unlink(join(directory, name)).catch(() => undefined)))
  }

  #now(): number {
    return (this.#options.now ?? Date.now)()
  }
}

/** What all processes have written down for today, by account. */
export async function readTokensToday(directory: string, nowMs = Date.now()): Promise<Map<string, TokenCount>> {
  const today = `${toDate(nowMs)}.`
  const names = (await readdir(directory).catch(() => [])).filter((name) => name.startsWith(today))
  const counts = new Map<string, TokenCount>()
  for (const name of names) {
    const file = parseJsonObject(await readFile(join(directory, name), 'utf8').catch(() => '')) ?? {}
    for (const accountId of Object.keys(file)) {
      const count = readCount(objectAt(file, accountId) ?? {})
      counts.set(accountId, sum(counts.get(accountId) ?? NO_TOKENS, count))
    }
  }
  return counts
}

function toCount(usage: unknown): TokenCount | undefined {
  if (typeof usage !== 'object' || usage === null) return undefined
  const fields = usage as JsonObject
  const details = objectAt(fields, 'input_tokens_details') ?? {}
  return { ...readCount({ ...fields, cached_tokens: details.cached_tokens }), turns: 1 }
}

function readCount(fields: JsonObject): TokenCount {
  const read = (key: keyof TokenCount) => numberAt(fields, key) ?? 0
  return {
    turns: read('turns'),
    input_tokens: read('input_tokens'),
    cached_tokens: read('cached_tokens'),
    output_tokens: read('output_tokens'),
  }
}

function sum(a: TokenCount, b: TokenCount): TokenCount {
  return {
    turns: a.turns + b.turns,
    input_tokens: a.input_tokens + b.input_tokens,
    cached_tokens: a.cached_tokens + b.cached_tokens,
    output_tokens: a.output_tokens + b.output_tokens,
  }
}

/** `2026-11-24`, local time. */
function toDate(ms: number): string {
  const date = new Date(ms)
  const two = (value: number) => String(value).padStart(2, '0')
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}
