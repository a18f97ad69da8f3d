import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { stageFile } from '../lib/atomic-write.ts'
import { NO_LOCK } from './cli-locks.ts'
import { RenewalFiles, type RenewalFilesOptions } from './renewal-files.ts'

let home: string
let directory: string
let path: string

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'renewals-'))
  directory = join(home, '.codex')
  path = join(directory, 'auth.json')
  await mkdir(directory)
  await writeFile(path, OLD)
})
afterEach(() => rmSync(home, { recursive: true }))

const text = (access: string, refresh: string) =>
  JSON.stringify({ tokens: { access_token: access, refresh_token: refresh } })
const OLD = text('a0', 'r0')
const NEW = text('a1', 'r1')
const RENEWAL = { oldText: OLD, newText: NEW, spent: 'r0' }

function files(options: Partial<RenewalFilesOptions> = {}): RenewalFiles {
  return new RenewalFiles({
    path,
    realPath: path,
    stageFile,
    takeWriteLock: async () => NO_LOCK,
    storeDirectory: join(home, 'store'),
    ...options,
  })
}

const readOnly = () => Promise.reject(Object.assign(new Error('read-only'), { code: 'EROFS' }))
const besides = () => readdir(directory)

test('a renewed sign-in is in its file, private, and nowhere else', async () => {
  expect(await files().write(RENEWAL)).toEqual({ kind: 'written' })
  expect([await readFile(path, 'utf8'), (await stat(path)).mode & 0o777, await besides()]).toEqual([
    NEW,
    0o600,
    ['auth.json'],
  ])
  expect(await files().find('r0')).toBeUndefined()
})

describe('a crash between the issuer’s answer and the rename', () => {
  /** The lock is never given: what happened so far is what a crash there leaves. */
  const crashing = async () => {
    const reached = Promise.withResolvers<void>()
    const { promise: never } = Promise.withResolvers<never>()
    const takeWriteLock = () => {
      reached.resolve()
      return never
    }
    void files({ takeWriteLock }).write(RENEWAL)
    await reached.promise
  }

  test('leaves the new tokens where the next start finds them by the old one', async () => {
    await crashing()
    expect(await readFile(path, 'utf8')).toBe(OLD)
    expect(await files().find('r0')).toMatchObject({ token: 'a1', refreshToken: 'r1' })
    expect(await files().find('other')).toBeUndefined()
    const [hidden] = (await besides()).filter((name) => name !== 'auth.json')
    expect((await stat(join(directory, hidden ?? ''))).mode & 0o777).toBe(0o600)
  })

  test('is cleared away by the next write', async () => {
    await crashing()
    await files().write(RENEWAL)
    expect(await besides()).toEqual(['auth.json'])
  })

  test('in the middle of the temporary file counts for nothing', async () => {
    await crashing()
    const [hidden = ''] = (await besides()).filter((name) => name !== 'auth.json')
    await writeFile(join(directory, hidden), NEW.slice(0, -1))
    expect(await files().find('r0')).toBeUndefined()
  })
})

describe('a file that changed meanwhile', () => {
  test('is left alone, and our tokens are forgotten where it holds others', async () => {
    await writeFile(path, text('theirs', 'r9'))
    expect(await files().write(RENEWAL)).toEqual({ kind: 'changed' })
    expect([await readFile(path, 'utf8'), await besides()]).toEqual([text('theirs', 'r9'), ['auth.json']])
  })

  test('is left alone, and our tokens stay to be found while it holds the used one', async () => {
    await writeFile(path, `${OLD}\n`)
    expect(await files().write(RENEWAL)).toEqual({ kind: 'changed' })
    expect(await readFile(path, 'utf8')).toBe(`${OLD}\n`)
    expect(await files().find('r0')).toMatchObject({ token: 'a1' })
  })

  test.each([0, 1, OLD.length - 1])('and only lost its end, after %i characters, is replaced', async (length) => {
    await writeFile(path, OLD.slice(0, length))
    expect(await files().write(RENEWAL)).toEqual({ kind: 'written' })
    expect(await readFile(path, 'utf8')).toBe(NEW)
  })
})

describe('a file that cannot be written', () => {
  test('has its successor in our own store, private, until it can', async () => {
    const closed = files({ stageFile: readOnly })
    expect(await closed.write(RENEWAL)).toEqual({ kind: 'failed', code: 'EROFS', isKept: true })
    expect(await files().find('r0')).toMatchObject({ token: 'a1', refreshToken: 'r1' })
    const [stored = ''] = await readdir(join(home, 'store'))
    expect((await stat(join(home, 'store', stored))).mode & 0o777).toBe(0o600)
    expect((await stat(join(home, 'store'))).mode & 0o777).toBe(0o700)

    await closed.write({ ...RENEWAL, newText: text('a2', 'r2') })
    expect(await files().find('r0')).toMatchObject({ token: 'a2' })
    await files().write({ ...RENEWAL, newText: text('a3', 'r3') })
    expect([await readdir(join(home, 'store')), await files().find('r0')]).toEqual([[], undefined])
  })

  test('and no place of ours either: nothing is kept and that is said', async () => {
    await writeFile(join(home, 'store'), 'a file')
    expect(await files({ stageFile: readOnly }).write(RENEWAL)).toMatchObject({ kind: 'failed', isKept: false })
    const without = files({ stageFile: readOnly, storeDirectory: undefined })
    expect(await without.write(RENEWAL)).toMatchObject({ kind: 'failed', isKept: false })
  })
})
