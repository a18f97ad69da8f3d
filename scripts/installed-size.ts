/** Packs the package, installs it alone as a user would, and measures what lies there. Fails over the goals. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MAX_MIB = 15
const MAX_PACKAGES = 60
const MIB = 1024 * 1024

const root = join(import.meta.dirname, '..')
const place = mkdtempSync(join(tmpdir(), 'codexway-size-'))
try {
  const [packed] = JSON.parse(npm(['pack', '--json', '--pack-destination', place], root)) as [{ filename: string }]
  writeFileSync(join(place, 'package.json'), '{"private": true}')
  npm(['install', '--omit=dev', '--no-audit', '--no-fund', join(place, packed.filename)], place)
  checkTokenizer()
  report(readPackages(join(place, 'node_modules')))
} finally {
  rmSync(place, { recursive: true, force: true })
}

function npm(args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd, encoding: 'utf8', timeout: 300_000 })
  if (status !== 0) throw new Error(`npm ${args[0]} failed:\n${stderr}`)
  // What the build prints stands ahead of the JSON.
  return stdout.slice(Math.max(stdout.indexOf('[\n'), 0))
}

/** Of what the build takes from elsewhere: it must work where nothing else is installed. */
function checkTokenizer(): void {
  const code =
    "const { loadTokenCounter } = await import('./node_modules/codexway/dist/turn/token-counter.js'); console.log((await loadTokenCounter())('hello world'))"
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    cwd: place,
    encoding: 'utf8',
  })
  if (stdout.trim() !== '2') throw new Error(`the tokenizer does not count: ${stdout}${stderr}`)
}

interface Installed {
  readonly name: string
  readonly bytes: number
  readonly hasScript: boolean
}

function readPackages(modules: string): Installed[] {
  return readdirSync(modules)
    .flatMap((name) => (name.startsWith('@') ? readdirSync(join(modules, name)).map((rest) => join(name, rest)) : name))
    .filter((name) => existsSync(join(modules, name, 'package.json')))
    .flatMap((name) => {
      const directory = join(modules, name)
      const { scripts = {} } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
      const nested = join(directory, 'node_modules')
      const inner = existsSync(nested) ? readPackages(nested) : []
      const bytes = sizeOf(directory) - inner.reduce((sum, one) => sum + one.bytes, 0)
      const hasScript = ['preinstall', 'install', 'postinstall'].some((script) => script in scripts)
      return [{ name, bytes, hasScript }, ...inner]
    })
}

function sizeOf(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}

function report(packages: readonly Installed[]): void {
  const total = packages.reduce((sum, { bytes }) => sum + bytes, 0)
  for (const { name, bytes } of packages.toSorted((a, b) => b.bytes - a.bytes)) {
    console.log(`${(bytes / MIB).toFixed(2).padStart(7)} MiB  ${name}`)
  }
  console.log(
    `${(total / MIB).toFixed(2).padStart(7)} MiB in ${packages.length} packages (at most ${MAX_MIB} in ${MAX_PACKAGES})`,
  )
  const withScript = packages.filter(({ hasScript }) => hasScript).map(({ name }) => name)
  if (withScript.length > 0) console.log(`with an install script: ${withScript.join(', ')}`)
  const isFine = total <= MAX_MIB * MIB && packages.length <= MAX_PACKAGES && withScript.length === 0
  process.exitCode = isFine ? 0 : 1
}
