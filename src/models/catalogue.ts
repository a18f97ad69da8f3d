import { isObject, type JsonObject } from '../lib/json.ts'
import type { Logger } from '../lib/logger.ts'
import type { ModelEntry } from '../turn/model.ts'
import { BUILTIN_ENTRIES, BUILTIN_RAW_MODELS } from './builtin-models.ts'
import { toModelEntry } from './entry.ts'
import { readModelCache, writeModelCache } from './model-cache.ts'
import type { KnownModels } from './resolve.ts'

export interface FetchedModels {
  readonly models: readonly JsonObject[]
  readonly etag: string | undefined
}

export interface CatalogueOptions {
  readonly instance: string
  /** Stated in our cache file. */
  readonly clientVersion: string
  /** `GET <base>/models`; may throw, and is given up after half a minute. */
  readonly fetchModels: (signal: AbortSignal) => Promise<FetchedModels>
  /** Our own file; undefined = nothing is kept on disk. */
  readonly cachePath: string | undefined
  /** The Codex CLI's `models_cache.json`, only read. */
  readonly cliCachePath: string | undefined
  readonly log: Pick<Logger, 'info' | 'warn' | 'debug'>
  readonly now?: () => number
}

export type CatalogueSource = 'live' | 'cache' | 'cli-cache' | 'built-in'

interface State {
  readonly source: CatalogueSource
  readonly entries: readonly ModelEntry[]
  readonly bySlug: ReadonlyMap<string, ModelEntry>
  readonly rawModels: readonly JsonObject[]
  readonly etag: string | undefined
  readonly fetchedAtMs: number | undefined
}

const HOUR_MS = 3_600_000
const FETCH_TIMEOUT_MS = 30_000
/** Between a fetch that failed and the next one that answers' headers ask for. */
const RETRY_PAUSE_MS = 60_000

/**
 * What one backend instance offers: live, else our cache file, else the CLI's, else built in (connector.md §4.4).
 * A fetch that fails keeps what there is and fails no request.
 */
export class Catalogue implements KnownModels {
  readonly #options: CatalogueOptions
  readonly #now: () => number
  readonly #closing = new AbortController()
  #state: State = toState('built-in', BUILTIN_ENTRIES, { models: BUILTIN_RAW_MODELS })
  #timer: NodeJS.Timeout | undefined
  #flight: Promise<void> | undefined
  /** The last `x-models-etag` that led to a good fetch, should the list itself carry another one. */
  #answeredEtag: string | undefined
  #failedAtMs: number | undefined

  constructor(options: CatalogueOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  get source(): CatalogueSource {
    return this.#state.source
  }

  /** When the present list was fetched, by us or by the CLI; undefined = built in. */
  get fetchedAtMs(): number | undefined {
    return this.#state.fetchedAtMs
  }

  entries(): readonly ModelEntry[] {
    return this.#state.entries
  }

  listed(): readonly ModelEntry[] {
    return this.#state.entries.filter(({ isListed }) => isListed)
  }

  find(name: string): ModelEntry | undefined {
    return this.#state.bySlug.get(name.toLowerCase())
  }

  /** The entries as the backend sent them; built-in ones in a form the Codex CLI accepts. */
  rawModels(): readonly JsonObject[] {
    return this.#state.rawModels
  }

  /** Reads the cache files, then leaves the first fetch running and repeats it hourly until `close`. */
  async start(): Promise<void> {
    await this.#load()
    if (this.#closing.signal.aborted) return
    this.#timer = setInterval(() => void this.#fetchOnce(), HOUR_MS)
    this.#timer.unref()
    void this.#fetchOnce()
  }

  /** Ends a fetch under way. Resolves once nothing more is written to disk. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#closing.abort()
    await this.#flight
  }

  /** Fetches now, or waits for the fetch under way. Never rejects; an abort ends the wait, not the fetch. */
  async refresh(signal: AbortSignal): Promise<void> {
    await waitFor(this.#fetchOnce(), signal)
  }

  /** Waits for a first fetch that is under way, so that a turn just after the start knows its model. Never rejects. */
  async ready(signal: AbortSignal): Promise<void> {
    if (this.isFirstUnderWay && this.#flight !== undefined) await waitFor(this.#flight, signal)
  }

  /** True if `ready` would wait. */
  get isFirstUnderWay(): boolean {
    return this.#state.source !== 'live' && this.#flight !== undefined
  }

  /** To be told of every answer's `x-models-etag`, also of its absence: a catalogue that never came is asked for again. */
  etagSeen(etag: string | undefined): void {
    if (this.#flight !== undefined || this.#closing.signal.aborted) return
    const isNews = etag !== undefined && etag !== this.#state.etag && etag !== this.#answeredEtag
    if (!isNews && this.#state.source === 'live') return
    if (this.#failedAtMs !== undefined && this.#now() - this.#failedAtMs < RETRY_PAUSE_MS) return
    void this.#fetchOnce(etag)
  }

  #fetchOnce(reason?: string): Promise<void> {
    this.#flight ??= this.#fetchAndKeep(reason).finally(() => {
      this.#flight = undefined
    })
    return this.#flight
  }

  async #fetchAndKeep(reason: string | undefined): Promise<void> {
    const { instance, fetchModels, log } = this.#options
    try {
      const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(FETCH_TIMEOUT_MS)])
      const fetched = await untilAborted(fetchModels(signal), signal)
      const state = readState('live', { ...fetched, fetchedAtMs: this.#now() })
      if (state === undefined) throw new Error('The reply holds no model.')
      this.#state = state
      this.#answeredEtag = reason
      this.#failedAtMs = undefined
      log.debug({ instance, models: state.entries.length }, 'model catalogue fetched')
    } catch (error) {
      this.#noteFailure(error)
      return
    }
    await this.#save()
  }

  /** Loud once; the same again is expected while the cause lasts. */
  #noteFailure(error: unknown): void {
    if (this.#closing.signal.aborted) return
    const { instance, log } = this.#options
    const fields = { instance, using: this.#state.source, err: error }
    if (this.#failedAtMs === undefined) log.warn(fields, 'model catalogue not fetched')
    else log.debug(fields, 'model catalogue not fetched')
    this.#failedAtMs = this.#now()
  }

  async #load(): Promise<void> {
    const { cachePath, cliCachePath } = this.#options
    for (const [source, path] of [
      ['cache', cachePath],
      ['cli-cache', cliCachePath],
    ] as const) {
      const cached = path === undefined ? undefined : await readModelCache(path)
      const state = cached === undefined ? undefined : readState(source, cached)
      if (state === undefined) continue
      // A fetch asked for meanwhile may have come back first.
      if (this.#state.source === 'built-in') this.#state = state
      return
    }
  }

  async #save(): Promise<void> {
    const { cachePath, clientVersion, instance, log } = this.#options
    if (cachePath === undefined) return
    const { rawModels: models, etag, fetchedAtMs } = this.#state
    try {
      await writeModelCache(cachePath, { models, etag, fetchedAtMs }, clientVersion)
    } catch (error) {
      log.debug({ instance, path: cachePath, err: error }, 'model catalogue not kept on disk')
    }
  }
}

interface RawList {
  readonly models: readonly JsonObject[]
  readonly etag?: string | undefined
  readonly fetchedAtMs?: number | undefined
}

/** undefined without a single usable entry. Entries without a slug are left out: one of them spoils the CLI's whole list. */
function readState(source: CatalogueSource, list: RawList): State | undefined {
  const models = list.models.filter((raw) => isObject(raw) && toModelEntry(raw) !== undefined)
  if (models.length === 0) return undefined
  return toState(
    source,
    models.flatMap((raw) => toModelEntry(raw) ?? []),
    { ...list, models },
  )
}

function toState(source: CatalogueSource, entries: readonly ModelEntry[], list: RawList): State {
  return {
    source,
    entries,
    bySlug: new Map(entries.map((entry) => [entry.slug.toLowerCase(), entry])),
    rawModels: list.models,
    etag: list.etag,
    fetchedAtMs: list.fetchedAtMs,
  }
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(signal.reason)
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  return Promise.race([work, promise]).finally(() => signal.removeEventListener('abort', onAbort))
}

/** `work` never rejects here, so what ends the wait early can only be the abort. */
async function waitFor(work: Promise<void>, signal: AbortSignal): Promise<void> {
  await untilAborted(work, signal).catch(() => undefined)
}
