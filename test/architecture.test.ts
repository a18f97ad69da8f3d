import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const SOURCE = join(dirname(fileURLToPath(import.meta.url)), '..', 'src')

/** folder → the folders it may import from, besides itself. */
const ARROWS: Record<string, readonly string[]> = {
  lib: [],
  turn: ['lib'],
  frontends: ['turn', 'lib'],
  backends: ['turn', 'lib'],
  accounts: ['turn', 'lib'],
  models: ['turn', 'lib'],
  store: ['turn', 'lib'],
  simulator: ['turn', 'lib'],
  config: ['turn', 'lib'],
  gateway: ['backends', 'accounts', 'models', 'store', 'turn', 'lib'],
  compat: ['frontends', 'gateway', 'backends', 'models', 'turn', 'lib'],
  server: ['frontends', 'gateway', 'backends', 'accounts', 'models', 'store', 'config', 'turn', 'lib'],
  cli: ['server', 'simulator', 'compat', 'accounts', 'models', 'store', 'config', 'turn', 'lib'],
}

/** package → the only folders that may import it. */
const OWNERS: Record<string, readonly string[]> = {
  undici: ['backends'],
  ws: ['backends', 'server', 'simulator'],
  commander: ['cli'],
  yaml: ['config', 'simulator', 'cli'],
  zod: ['config', 'simulator'],
  'gpt-tokenizer': ['turn'],
}

const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .map((file) => ({ file, folder: file.split(sep)[0] ?? '', text: readFileSync(join(SOURCE, file), 'utf8') }))

function importsOf(text: string): string[] {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] ?? '')
}

test('imports follow the arrows', () => {
  const wrong = files.flatMap(({ file, folder, text }) =>
    importsOf(text)
      .filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => relative(SOURCE, join(SOURCE, dirname(file), specifier)).split(sep)[0] ?? '')
      .filter((target) => target !== folder && !target.startsWith('..') && !ARROWS[folder]?.includes(target))
      .map((target) => `${file} → ${target}`),
  )
  expect(wrong).toEqual([])
})

test('one door never imports another', () => {
  const wrong = files
    .filter(({ file, folder }) => folder === 'frontends' && file.split(sep).length > 2)
    .flatMap(({ file, text }) =>
      importsOf(text)
        .filter((specifier) => specifier.startsWith('../') && !/^\.\.\/\.\.\//.test(specifier))
        .map((specifier) => `${file} → ${specifier}`),
    )
  expect(wrong).toEqual([])
})

test('packages stay where they belong', () => {
  const wrong = files.flatMap(({ file, folder, text }) =>
    importsOf(text)
      .map((specifier) => specifier.split('/')[0] ?? '')
      .filter((name) => OWNERS[name] !== undefined && !OWNERS[name].includes(folder))
      .map((name) => `${file} → ${name}`),
  )
  expect(wrong).toEqual([])
})

test('the environment is read in config only', () => {
  expect(
    files.filter(({ folder, text }) => folder !== 'config' && /process\.env\b/.test(text)).map(({ file }) => file),
  ).toEqual([])
})

test('the process ends in one place', () => {
  const places = files.filter(({ text }) => /process\.exit\(/.test(text)).map(({ file }) => file.split(sep).join('/'))
  expect(places.filter((file) => file !== 'cli/main.ts')).toEqual([])
})

test('global fetch, which adds headers of its own, is not used', () => {
  expect(
    files
      .filter(({ text }) => /\bfetch\(/.test(text) && !/\.fetch\(|function fetch/.test(text))
      .map(({ file }) => file),
  ).toEqual([])
})
