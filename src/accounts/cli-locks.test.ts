import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createCliLocks, underLock } from './cli-locks.ts'

let home: string
let warnings: string[]
const warn = (_fields: object, message: string) => void warnings.push(message)

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'cli-locks-'))
  warnings = []
})
afterEach(() => rmSync(home, { recursive: true }))

const isFree = (name: string) => spawnSync('flock', ['--nonblock', join(home, name), 'true']).status === 0

test('both of the CLI’s locks are held while the file is written, and free after it', async () => {
  const names = ['auth.lock', 'auth.json.lock']
  const path = join(home, 'auth.json')
  const during = await underLock(createCliLocks(warn), path, async () => names.map(isFree))
  expect([during, names.map(isFree), warnings]).toEqual([[false, false], [true, true], []])

  const lock = await createCliLocks(warn)(path)
  expect(lock.isHeld).toBe(true)
  await lock.release()
  await lock.release()
  expect([lock.isHeld, names.map(isFree)]).toEqual([false, [true, true]])
})

test('a file of another name has none', async () => {
  await (await createCliLocks(warn)(join(home, 'work.json'))).release()
  expect(await readdir(home)).toEqual([])
})

test('where there is no flock the work is done all the same, with one warning in all', async () => {
  const locks = createCliLocks(warn, 'win32')
  for (let i = 0; i < 3; i++) expect(await underLock(locks, join(home, 'auth.json'), async () => 'done')).toBe('done')
  expect(warnings).toHaveLength(1)
})
