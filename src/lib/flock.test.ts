import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FLOCK_HELPERS, FlockTimeoutError, FlockUnavailableError, lockFile } from './flock.ts'

let directory: string
let path: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'flock-'))
  path = join(directory, 'auth.lock')
})
afterEach(() => rmSync(directory, { recursive: true }))

/** What another program gets that asks without waiting. */
function isFree(): boolean {
  return spawnSync('flock', ['--nonblock', path, 'true']).status === 0
}

test.each(FLOCK_HELPERS.map((helper) => [helper[0], helper] as const))(
  'another program is kept out until the lock is released; by %s',
  async (_name, helper) => {
    const lock = await lockFile(path, { mode: 0o600, timeoutMs: 5000, helpers: [helper] })
    expect([isFree(), statSync(path).mode & 0o777]).toEqual([false, 0o600])
    await lock.release()
    expect(isFree()).toBe(true)
  },
)

test('two locks of one process exclude each other', async () => {
  const first = await lockFile(path, { mode: 0o600, timeoutMs: 5000 })
  await expect(lockFile(path, { mode: 0o600, timeoutMs: 100 })).rejects.toThrow(FlockTimeoutError)
  const second = lockFile(path, { mode: 0o600, timeoutMs: 5000 })
  await first.release()
  await (await second).release()
})

test('a program that holds the lock and dies gives it up', async () => {
  const holder = spawn('flock', [path, 'sleep', '30'], { detached: true })
  await once(holder, 'spawn')
  while (isFree()) await new Promise((resolve) => setTimeout(resolve, 5))
  const waiting = lockFile(path, { mode: 0o600, timeoutMs: 10_000 })
  process.kill(-(holder.pid ?? 0), 'SIGKILL')
  await (await waiting).release()
})

test('without a program that can do it there is no lock', async () => {
  const helpers = [['no-such-program-at-all'], ['false']] as const
  await expect(lockFile(path, { mode: 0o600, timeoutMs: 1000, helpers })).rejects.toThrow(FlockUnavailableError)
})
