import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createRefreshLock } from './refresh-lock.ts'

let home: string
let path: string
let lockPath: string
let warnings: string[]

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'refresh-lock-'))
  path = join(home, 'auth.json')
  lockPath = join(home, '.auth.json.codexway.lock')
  warnings = []
})
afterEach(() => rmSync(home, { recursive: true }))

const lock = (staleAfterMs?: number) =>
  createRefreshLock({
    warn: (_fields, message) => warnings.push(message),
    temporaryDirectory: home,
    ...(staleAfterMs === undefined ? {} : { staleAfterMs }),
  })

test('two processes, as two locks are, take turns, and nothing stays behind', async () => {
  let inside = 0
  let most = 0
  const work = async () => {
    inside += 1
    most = Math.max(most, inside)
    await new Promise((resolve) => setTimeout(resolve, 5))
    inside -= 1
  }
  await Promise.all(Array.from({ length: 8 }, () => lock()(path, work)))
  expect([most, await readdir(home), warnings]).toEqual([1, [], []])
})

test('work that fails gives the lock up', async () => {
  await expect(lock()(path, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await lock()(path, async () => 'in')).toBe('in')
})

test('the lock of a dead process is taken over at once', async () => {
  const { pid } = spawnSync('true')
  await writeFile(lockPath, JSON.stringify({ pid, host: hostname(), space: await space(), nonce: 'x' }))
  expect(await lock()(path, async () => 'in')).toBe('in')
  expect(await readdir(home)).toEqual([])
})

// Repeated, as what it guards against is a race: without a turn for taking over, one round in some dozens went wrong.
test('several that see a dead holder still take turns', async () => {
  const { pid } = spawnSync('true')
  const dead = JSON.stringify({ pid, host: hostname(), space: await space(), nonce: 'x' })
  let inside = 0
  const work = async () => {
    inside += 1
    expect(inside).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 2))
    inside -= 1
  }
  for (let round = 0; round < 40; round += 1) {
    await writeFile(lockPath, dead)
    await Promise.all(Array.from({ length: 6 }, () => lock()(path, work)))
  }
  expect(await readdir(home)).toEqual([])
}, 30_000)

test('a process that died while taking a lock over holds nobody up', async () => {
  const { pid } = spawnSync('true')
  await writeFile(lockPath, JSON.stringify({ pid, host: hostname(), space: await space(), nonce: 'x' }))
  await writeFile(`${lockPath}.takeover`, '')
  const old = new Date(Date.now() - 3000)
  await utimes(`${lockPath}.takeover`, old, old)
  expect(await lock()(path, async () => 'in')).toBe('in')
  expect(await readdir(home)).toEqual([])
})

test('a lock from elsewhere is kept until it is stale', async () => {
  await writeFile(lockPath, JSON.stringify({ pid: 1, host: 'another', space: '', nonce: 'x' }))
  let isIn = false
  const waiting = lock()(path, async () => {
    isIn = true
  })
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(isIn).toBe(false)
  const old = new Date(Date.now() - 61_000)
  await utimes(lockPath, old, old)
  await waiting
  expect(isIn).toBe(true)
})

test('a lock without a name in it is one somebody died over', async () => {
  await writeFile(lockPath, '')
  const old = new Date(Date.now() - 3000)
  await utimes(lockPath, old, old)
  expect(await lock()(path, async () => 'in')).toBe('in')
})

test('where the directory is closed the temporary one serves, and without any a warning says so', async () => {
  const missing = join(home, 'missing', 'auth.json')
  expect(await lock()(missing, () => readdir(home))).toEqual([expect.stringMatching(/^codexway-[0-9a-f]{16}-/)])
  const long = join(home, `${'a'.repeat(245)}.json`)
  expect(await lock()(long, () => readdir(home))).toEqual([expect.stringMatching(/^codexway-[0-9a-f]{16}-/)])
  expect(warnings).toEqual([])

  await mkdir(join(home, 'other'))
  const nowhere = createRefreshLock({
    warn: (_fields, message) => warnings.push(message),
    temporaryDirectory: join(home, 'missing'),
  })
  expect(await nowhere(missing, async () => 'in')).toBe('in')
  expect(warnings).toHaveLength(1)
})

async function space(): Promise<string> {
  const { readlinkSync } = await import('node:fs')
  return readlinkSync('/proc/self/ns/pid')
}
