import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ERROR_TABLE } from '../src/turn/errors.ts'

const troubleshooting = readFileSync(join(import.meta.dirname, '..', 'docs', 'troubleshooting.md'), 'utf8')

test('troubleshooting says what to do about every error code', () => {
  const codes = Object.values(ERROR_TABLE).flatMap(({ code }) => (code === null ? [] : [code]))
  const missing = codes.filter((code) => code !== 'cancelled' && !troubleshooting.includes(`\`${code}\``))
  expect(missing).toEqual([])
})
