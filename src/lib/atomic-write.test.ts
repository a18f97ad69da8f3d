import { mkdtempSync, rmSync } from 'node:fs'
import { lstat, mkdir, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writeFileAtomically } from './atomic-write.ts'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'atomic-write-'))
})
afterEach(() => rmSync(root, { recursive: true }))

test('replaces the file as a whole, readable by its owner only, and leaves nothing beside it', async () => {
  const path = join(root, 'a.json')
  await writeFile(path, 'old', { mode: 0o644 })
  const before = await stat(path)
  await writeFileAtomically(path, 'new')
  const after = await stat(path)
  expect([await readFile(path, 'utf8'), after.mode & 0o777, after.ino === before.ino]).toEqual(['new', 0o600, false])
  expect(await readdir(root)).toEqual(['a.json'])
})

test('creates a file that is not there', async () => {
  await writeFileAtomically(join(root, 'a.json'), 'new', { mode: 0o640 })
  expect((await stat(join(root, 'a.json'))).mode & 0o777).toBe(0o640)
})

test('a symlink stays one and its target is replaced', async () => {
  await mkdir(join(root, 'real'))
  await writeFile(join(root, 'real', 'a.json'), 'old')
  await symlink(join('real', 'a.json'), join(root, 'link.json'))
  await writeFileAtomically(join(root, 'link.json'), 'new')
  expect((await lstat(join(root, 'link.json'))).isSymbolicLink()).toBe(true)
  expect(await readFile(join(root, 'real', 'a.json'), 'utf8')).toBe('new')
})

test('a failed write leaves the old file and no other', async () => {
  const path = join(root, 'a.json')
  await writeFile(path, 'old')
  const fail = () => Promise.reject(Object.assign(new Error('busy'), { code: 'EBUSY' }))
  await expect(writeFileAtomically(path, 'new', { rename: fail, platform: 'linux' })).rejects.toThrow('busy')
  expect([await readFile(path, 'utf8'), await readdir(root)]).toEqual(['old', ['a.json']])
})

test.each(['EPERM', 'EBUSY', 'EACCES'])('on Windows a rename that meets %s is tried again', async (code) => {
  const path = join(root, 'a.json')
  let tries = 0
  const busy = (from: string, to: string) => {
    tries += 1
    return tries < 3 ? Promise.reject(Object.assign(new Error('busy'), { code })) : rename(from, to)
  }
  await writeFileAtomically(path, 'new', { rename: busy, platform: 'win32' })
  expect([tries, await readFile(path, 'utf8')]).toEqual([3, 'new'])
})
