/** Builds the published package: `dist/` as plain JavaScript, with the few files of the tokenizer that are needed. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist')

rmSync(dist, { recursive: true, force: true })
const { status } = spawnSync('tsc', ['-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' })
process.exitCode = status ?? 1
if (status === 0) vendor('gpt-tokenizer/encoding/o200k_base', 'turn/token-counter.js')

/**
 * Takes what one import needs of a package into `dist/vendor/`, and points its one user there. Of the tokenizer's 26 MiB
 * that is a tenth. Its import map gives a file for every name, so the paths in it are those of its files.
 */
function vendor(specifier: string, user: string): void {
  const [name = ''] = specifier.split('/', 1)
  const entry = fileURLToPath(import.meta.resolve(specifier))
  const library = join(root, 'node_modules', name)
  const target = join(dist, 'vendor', name)
  const files = closureOf(entry)
  for (const file of [...files, join(library, 'LICENSE')]) {
    const copy = join(target, relative(library, file))
    mkdirSync(dirname(copy), { recursive: true })
    copyFileSync(file, copy)
  }
  const path = join(dist, user)
  const text = readFileSync(path, 'utf8')
  const local = relative(dirname(path), join(target, relative(library, entry))).replaceAll('\\', '/')
  const pointed = text.replaceAll(`'${specifier}'`, `'${local}'`)
  if (pointed === text) throw new Error(`${user} does not import ${specifier}`)
  writeFileSync(path, pointed)
}

/** The file and all that it imports, directly or not. */
function closureOf(entry: string): Set<string> {
  const files = new Set([entry])
  // Files that are added on the way are visited, too.
  for (const file of files) {
    for (const [, specifier = ''] of readFileSync(file, 'utf8').matchAll(
      /(?:from|import)\s*\(?\s*['"](\.[^'"]+)['"]/g,
    )) {
      files.add(join(dirname(file), specifier))
    }
  }
  return files
}
