import { basename, dirname, join } from 'node:path'
import { type FileLock, FlockTimeoutError, FlockUnavailableError, lockFile } from '../lib/flock.ts'
import type { Warn } from './warn-once.ts'

/** Keeps other programs that know the same locks from writing a sign-in file, until it is released. */
export type TakeWriteLock = (path: string) => Promise<HeldLock>

export interface HeldLock {
  readonly isHeld: boolean
  /** Once is enough, more does no harm. */
  release(): Promise<void>
}

/** Where there is nobody to lock out. */
export const NO_LOCK: HeldLock = { isHeld: true, release: async () => undefined }

/** The CLI holds them for the moment of writing only, so whoever keeps them longer is stuck. */
const WAIT_MS = 10_000

/**
 * The Codex CLI's own locks (upstream.md §7, "Writing"): `auth.lock`, then `auth.json.lock`, both flock(2), both beside
 * the file. Where they cannot be had, one warning says so, and the lock is nobody's: new tokens must be written all the
 * same.
 */
export function createCliLocks(warn: Warn, platform: string = process.platform): TakeWriteLock {
  let hasWarned = false
  const warnOnce = (path: string, reason: string) => {
    if (!hasWarned) warn({ path, reason }, UNLOCKED)
    hasWarned = true
  }
  return async (path) => {
    // A file of another name is none of the CLI's.
    if (basename(path) !== 'auth.json') return NO_LOCK
    const locks: FileLock[] = []
    for (const { name, mode } of LOCKS) {
      const reason = await take(join(dirname(path), name), mode, platform, locks)
      if (reason !== undefined) warnOnce(path, reason)
    }
    let isHeld = true
    return {
      get isHeld() {
        return isHeld
      },
      async release() {
        isHeld = false
        for (const lock of locks.splice(0).reverse()) await lock.release()
      },
    }
  }
}

/** Work that replaces a sign-in file, with the lock held. */
export async function underLock<T>(takeLock: TakeWriteLock, path: string, work: () => Promise<T>): Promise<T> {
  const lock = await takeLock(path)
  try {
    return await work()
  } finally {
    await lock.release()
  }
}

const LOCKS = [
  { name: 'auth.lock', mode: 0o644 },
  { name: 'auth.json.lock', mode: 0o600 },
] as const
const UNLOCKED =
  "The Codex CLI's lock on the sign-in file could not be taken: should the CLI write it at the same moment, one of the two writes is lost."

/** @returns why it could not be had, if that is worth telling */
async function take(path: string, mode: number, platform: string, locks: FileLock[]): Promise<string | undefined> {
  if (platform === 'win32') return 'no flock on Windows'
  try {
    locks.push(await lockFile(path, { mode, timeoutMs: WAIT_MS }))
    return undefined
  } catch (error) {
    if (error instanceof FlockTimeoutError || error instanceof FlockUnavailableError) return error.message
    // A directory closed to us: writing the file itself will fail, too, and say so.
    return undefined
  }
}
