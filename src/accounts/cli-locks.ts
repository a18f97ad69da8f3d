import { basename, dirname, join } from 'node:path'
import { type FileLock, FlockTimeoutError, FlockUnavailableError, lockFile } from '../lib/flock.ts'
import type { Warn } from './warn-once.ts'

/** Runs work that replaces a sign-in file while no other program that keeps to the same locks writes it. */
export type WriteLock = <T>(path: string, work: () => Promise<T>) => Promise<T>

/** The CLI holds them for the moment of writing only, so whoever keeps them longer is stuck. */
const WAIT_MS = 10_000

/**
 * The Codex CLI's own locks (upstream.md §7, "Writing"): `auth.lock`, then `auth.json.lock`, both flock(2), both beside
 * the file. Where they cannot be had, work runs all the same, since new tokens must be written; one warning says so.
 */
export function createCliLocks(warn: Warn, platform: string = process.platform): WriteLock {
  let hasWarned = false
  const warnOnce = (path: string, reason: string) => {
    if (!hasWarned) warn({ path, reason }, UNLOCKED)
    hasWarned = true
  }
  return async (path, work) => {
    // A file of another name is none of the CLI's.
    if (basename(path) !== 'auth.json') return await work()
    const locks: FileLock[] = []
    try {
      for (const { name, mode } of LOCKS) {
        const reason = await take(join(dirname(path), name), mode, platform, locks)
        if (reason !== undefined) warnOnce(path, reason)
      }
      return await work()
    } finally {
      for (const lock of locks.reverse()) await lock.release()
    }
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
