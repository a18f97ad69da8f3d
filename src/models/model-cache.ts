import { mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { writeFileAtomically } from '../lib/atomic-write.ts'
import { arrayAt, isObject, type JsonObject, parseJsonObject, stringAt } from '../lib/json.ts'

/** The file's form is the one of the Codex CLI's `models_cache.json` (upstream.md §3). */
export interface CachedModels {
  readonly models: readonly JsonObject[]
  readonly etag: string | undefined
  readonly fetchedAtMs: number | undefined
}

/** Our own file or the CLI's; undefined if there is none or it cannot be used. */
export async function readModelCache(path: string): Promise<CachedModels | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  const file = text === undefined ? undefined : parseJsonObject(text)
  const models = file === undefined ? undefined : arrayAt(file, 'models')?.filter(isObject)
  if (file === undefined || models === undefined) return undefined
  const fetchedAtMs = Date.parse(stringAt(file, 'fetched_at') ?? '')
  return {
    models,
    etag: stringAt(file, 'etag'),
    fetchedAtMs: Number.isNaN(fetchedAtMs) ? undefined : fetchedAtMs,
  }
}

export async function writeModelCache(path: string, cached: CachedModels, clientVersion: string): Promise<void> {
  const { models, etag, fetchedAtMs } = cached
  const fetchedAt = fetchedAtMs === undefined ? null : new Date(fetchedAtMs).toISOString()
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writeFileAtomically(
    path,
    JSON.stringify({ fetched_at: fetchedAt, etag: etag ?? null, client_version: clientVersion, models }),
  )
}

/** One file per instance and backend host; it says nothing of the account. */
export function toModelCacheName(instance: string, baseUrl: string): string {
  const host = URL.canParse(baseUrl) ? new URL(baseUrl).host : baseUrl
  return `models-${toFileWord(instance)}-${toFileWord(host)}.json`
}

function toFileWord(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z0-9.]+/g, '_')
}
