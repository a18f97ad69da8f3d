import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { locateAuthFile, missingFileError, toSearchPaths } from './auth-search.ts'

const root = mkdtempSync(join(tmpdir(), 'auth-search-'))
afterAll(() => rmSync(root, { recursive: true }))

test('A-01: a named directory holds auth.json, a named .json is the file', () => {
  const search = { home: '/home/anna', platform: 'linux' }
  expect(toSearchPaths({ ...search, openaiCodexPath: '/keys' })).toEqual(['/keys/auth.json'])
  expect(toSearchPaths({ ...search, openaiCodexPath: '/keys/auth.json' })).toEqual(['/keys/auth.json'])
  expect(toSearchPaths({ ...search, codexPath: '~/keys/mine.json' })).toEqual(['/home/anna/keys/mine.json'])
  expect(toSearchPaths({ ...search, codexPath: '~' })).toEqual(['/home/anna/auth.json'])
})

test('A-02: a named place stands alone, the environment before the configuration', () => {
  const search = {
    openaiCodexPath: '/one',
    codexPath: '/two',
    codexHome: '/three',
    home: '/home/anna',
    platform: 'linux',
  }
  expect(toSearchPaths(search)).toEqual(['/one/auth.json'])
  expect(toSearchPaths({ ...search, openaiCodexPath: '' })).toEqual(['/two/auth.json'])
})

test('A-03, A-28: CODEX_HOME comes before the home directory', () => {
  expect(toSearchPaths({ home: '/home/anna', platform: 'linux' })).toEqual(['/home/anna/.codex/auth.json'])
  expect(toSearchPaths({ codexHome: '/c', home: '/home/anna', userProfile: '/profile', platform: 'linux' })).toEqual([
    '/c/auth.json',
    '/home/anna/.codex/auth.json',
  ])
})

test('A-04: USERPROFILE counts on Windows and where HOME is not set', () => {
  expect(toSearchPaths({ userProfile: '/profile', platform: 'linux' })).toEqual(['/profile/.codex/auth.json'])
  expect(toSearchPaths({ userProfile: 'C:\\Users\\Anna', home: 'D:\\home', platform: 'win32' })).toEqual([
    'C:\\Users\\Anna\\.codex\\auth.json',
    'D:\\home\\.codex\\auth.json',
  ])
  expect(toSearchPaths({ userProfile: 'C:\\U', home: 'C:\\U', platform: 'win32' })).toEqual([
    'C:\\U\\.codex\\auth.json',
  ])
})

test('the first existing file is the one', async () => {
  const search = { codexHome: join(root, 'none'), home: root, platform: 'linux' }
  const searched = [join(root, 'none', 'auth.json'), join(root, '.codex', 'auth.json')]
  expect(await locateAuthFile(search)).toEqual({ path: undefined, searched })
  await mkdir(join(root, '.codex'))
  await writeFile(join(root, '.codex', 'auth.json'), '{}')
  expect(await locateAuthFile(search)).toEqual({ path: searched[1], searched })
})

test('A-05: what is missing is named with every path and the way out', () => {
  const error = missingFileError(['/a/auth.json', '/b/auth.json'])
  expect([error.status, error.code, error.type]).toEqual([401, 'codex_auth_missing', 'authentication_error'])
  for (const part of ['/a/auth.json', '/b/auth.json', '`codex login`', 'keyring']) expect(error.message).toContain(part)
})
