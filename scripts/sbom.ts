/**
 * Writes the bill of materials of the published package (CycloneDX): its dependencies, and what the build takes into
 * `dist/vendor/`, which npm only knows as a tool of development.
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

const VENDORED = ['gpt-tokenizer']

interface Component {
  readonly 'bom-ref': string
  readonly name: string
  readonly properties?: readonly { readonly name: string; readonly value: string }[]
}

interface Bom {
  readonly components: readonly Component[]
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[]
}

const root = join(import.meta.dirname, '..')
const { status, stdout, stderr } = spawnSync('npm', ['sbom', '--package-lock-only', '--sbom-format', 'cyclonedx'], {
  cwd: root,
  encoding: 'utf8',
  maxBuffer: 64 * 1024 * 1024,
})
if (status !== 0) throw new Error(stderr)
// Our own tool's output.
const bom = JSON.parse(stdout) as Bom
const components = bom.components.filter((component) => !isTool(component) || VENDORED.includes(component.name))
const gone = new Set(bom.components.filter((component) => !components.includes(component)).map((one) => one['bom-ref']))
const dependencies = bom.dependencies
  .filter(({ ref }) => !gone.has(ref))
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((other) => !gone.has(other)) }))
const file = process.argv[2] ?? 'sbom.cdx.json'
writeFileSync(file, `${JSON.stringify({ ...bom, components, dependencies }, undefined, 2)}\n`)
console.log(`${file}: ${components.map(({ name }) => name).join(', ')}`)

function isTool({ properties = [] }: Component): boolean {
  return properties.some(({ name, value }) => name === 'cdx:npm:package:development' && value === 'true')
}
