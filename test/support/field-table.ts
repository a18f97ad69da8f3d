import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'

/** Holds the table of `docs/protocols/<name>.md` to a door's own, row by row. */
export function expectDocumented(name: string, fields: Readonly<Record<string, string>>): void {
  const path = join(import.meta.dirname, '..', '..', 'docs', 'protocols', `${name}.md`)
  const rows = readFileSync(path, 'utf8').matchAll(/^\| `(\w+)` \| ([\w' ]+) \|/gm)
  const kinds = Object.values(fields)
  const documented = [...rows].map(([, field, kind]) => [field, kind?.replace(' by the gateway', '') ?? ''] as const)
  expect(documented.filter(([, kind]) => kinds.includes(kind))).toEqual(Object.entries(fields))
}
