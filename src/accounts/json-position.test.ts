import fc from 'fast-check'
import { expect, test } from 'vitest'
import { findJsonError } from './json-position.ts'

test.each([
  ['', 1, 1],
  ['  \n ', 2, 2],
  ['{"a": 1,\n  "b": }', 2, 8],
  ['{"a": 1,}', 1, 9],
  ['{"a" 1}', 1, 6],
  ['[1, 2', 1, 6],
  ['[1,]', 1, 4],
  ['{"a": "x\ny"}', 1, 7],
  ['{} {}', 1, 4],
  ['[}', 1, 2],
  ['{a: 1}', 1, 2],
  ['nul', 1, 1],
  ['[01]', 1, 2],
  ['sk-secret', 1, 1],
])('the place where %j stops being JSON', (text, line, column) => {
  expect(findJsonError(text)).toEqual({ line, column })
})

test('every JSON text passes, and a cut object does not', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify({ value }, null, 1)
      expect(findJsonError(text)).toBeUndefined()
      expect(findJsonError(text.slice(0, -1))).toBeDefined()
    }),
  )
})

test('finds a fault exactly where the engine finds one', () => {
  const piece = fc.constantFrom('{', '}', '[', ']', ',', ':', '"a"', '1', '-', 'true', ' ', '"', '\\', '1e5', '.5')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join('')
      expect(findJsonError(text) === undefined).toBe(isJson(text))
    }),
    { numRuns: 2000 },
  )
})

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
