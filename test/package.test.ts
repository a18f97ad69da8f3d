import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

interface Locked {
  readonly dev?: boolean
  readonly hasInstallScript?: boolean
}

const root = join(import.meta.dirname, '..')
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, Locked> }
const shipped = Object.entries(lock.packages).filter(([path, { dev }]) => path !== '' && dev !== true)
const workflows = readdirSync(join(root, '.github', 'workflows')).map((name) => ({
  name,
  text: readFileSync(join(root, '.github', 'workflows', name), 'utf8'),
}))

test('nothing runs while a user installs', () => {
  expect(shipped.length).toBeGreaterThan(0)
  expect(shipped.filter(([, { hasInstallScript }]) => hasInstallScript === true)).toEqual([])
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object }
  expect(Object.keys(scripts)).not.toEqual(expect.arrayContaining([expect.stringMatching(/^(?:pre|post)?install$/)]))
})

test('at most 60 packages are installed', () => {
  expect(shipped.length).toBeLessThanOrEqual(60)
})

test('releases are signed by the run itself, and no workflow holds a token or more rights than it needs', () => {
  const release = workflows.find(({ name }) => name === 'release.yml')?.text ?? ''
  expect(release).toContain('id-token: write')
  expect(release).toContain('npm publish --provenance')
  for (const { text } of workflows) {
    expect(text).toMatch(/^permissions:\n {2}contents: read\n/m)
    expect(text.replaceAll('id-token', '')).not.toMatch(/secrets|token|registry/i)
  }
})
