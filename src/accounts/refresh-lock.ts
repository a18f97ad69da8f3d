import { createHash, randomUUID } from 'node:crypto'
import { readlinkSync } from 'node:fs'
import { open, readFile, stat, unlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { numberAt, parseJsonObject, stringAt } from '../lib/json.ts'
import type { RefreshLock } from './refresher.ts'
import type { Warn } from './warn-once.ts'

export interface RefreshLockOptions {
  readonly warn: Warn
  /** For files whose own directory cannot be written. */
  readonly temporaryDirectory: string
  /** Default 60 s; a holder needs half of that at most. */
  readonly staleAfterMs?: number
}

interface Holder {
  readonly text: string
  readonly changedAtMs: number
}

const STALE_AFTER_MS = 60_000
/** A lock without its holder's name: it died while making it. */
const NAMELESS_AFTER_MS = 2000
const LOOK_AGAIN_MS = 20

/**
 * One refresh at a time for all codexway processes (connector.md §3.4, "Single flight"): a file beside the sign-in, or in
 * the temporary directory. It is not held against the Codex CLI, which takes no lock while it refreshes. A lock whose
 * holder is dead is taken over at once, any other after `staleAfterMs`.
 */
export function createRefreshLock(options: RefreshLockOptions): RefreshLock {
  const { warn, temporaryDirectory, staleAfterMs = STALE_AFTER_MS } = options
  return async (path, work) => {
    const name = `.${basename(path)}.codexway.lock`
    const elsewhere = `codexway-${createHash('sha256').update(path).digest('hex').slice(0, 16)}-${process.getuid?.() ?? ''}.lock`
    for (const lockPath of [join(dirname(path), name), join(temporaryDirectory, elsewhere)]) {
      const own = JSON.stringify({ ...SELF, nonce: randomUUID() })
      if (!(await acquire(lockPath, own, staleAfterMs))) continue
      try {
        return await work()
      } finally {
        await release(lockPath, own)
      }
    }
    warn({ path }, UNLOCKED)
    return await work()
  }
}

const UNLOCKED =
  'No lock could be made for the renewal of the sign-in: other codexway processes must not use this file now.'

/** Process ids mean something only on the same machine and in the same container. */
const SELF = { pid: process.pid, host: hostname(), space: processSpace() }

function processSpace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid')
  } catch {
    return ''
  }
}

/** False if there can be no lock at this place. */
async function acquire(lockPath: string, own: string, staleAfterMs: number): Promise<boolean> {
  for (;;) {
    try {
      const file = await open(lockPath, 'wx', 0o600)
      await file.writeFile(own).finally(() => file.close())
      return true
    } catch (error) {
      // Closed, full, or no room for a name this long: a lock that cannot be had here must not cost the request.
      if (codeOf(error) !== 'EEXIST') return false
    }
    const holder = await readHolder(lockPath)
    if (holder === undefined) continue
    if (isAbandoned(holder, staleAfterMs)) {
      if (!(await takeOver(lockPath, holder, staleAfterMs))) return false
    } else await delay(LOOK_AGAIN_MS * (1 + Math.random()))
  }
}

async function readHolder(lockPath: string): Promise<Holder | undefined> {
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(lockPath, 'utf8'), stat(lockPath)])
    return { text, changedAtMs: mtimeMs }
  } catch {
    return undefined
  }
}

function isAbandoned({ text, changedAtMs }: Holder, staleAfterMs: number): boolean {
  const ageMs = Math.abs(Date.now() - changedAtMs)
  if (ageMs > staleAfterMs) return true
  const holder = parseJsonObject(text)
  if (holder === undefined) return ageMs > NAMELESS_AFTER_MS
  const isNear = stringAt(holder, 'host') === SELF.host && stringAt(holder, 'space') === SELF.space
  const pid = numberAt(holder, 'pid')
  return isNear && pid !== undefined && !isAlive(pid)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

/**
 * Several may see the same dead holder; one at a time takes over, and looks again first: by then the lock may be that of
 * somebody alive, and must not move, not even for a moment. Nobody else removes it meanwhile, as its holder is dead.
 * @returns false if nothing can be taken over at this place
 */
async function takeOver(lockPath: string, { text }: Holder, staleAfterMs: number): Promise<boolean> {
  const turn = `${lockPath}.takeover`
  try {
    await (await open(turn, 'wx', 0o600)).close()
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') return false
    const { changedAtMs = Date.now() } = (await readHolder(turn)) ?? {}
    // It takes a moment: whoever made it died over it.
    if (Math.abs(Date.now() - changedAtMs) > NAMELESS_AFTER_MS) await unlink(turn).catch(() => undefined)
    await delay(LOOK_AGAIN_MS * Math.random())
    return true
  }
  try {
    const holder = await readHolder(lockPath)
    if (holder?.text === text && isAbandoned(holder, staleAfterMs)) await unlink(lockPath).catch(() => undefined)
    return true
  } finally {
    await unlink(turn).catch(() => undefined)
  }
}

async function release(lockPath: string, own: string): Promise<void> {
  const text = await readFile(lockPath, 'utf8').catch(() => undefined)
  if (text === own) await unlink(lockPath).catch(() => undefined)
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
