import fc from 'fast-check'
import { expect, test } from 'vitest'
import { jsonBytes, toText } from './byte-string.ts'
import { scanInteger, scanStringLiteral } from './json-scan.ts'

const nasty = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('"delta":"x"', '\\"delta\\":\\"', '{"delta":"y"}', '\\', '"', '\u2028', '["delta":"'),
)

test('the scanned literal is the member that JSON.parse finds', () => {
  fc.assert(
    fc.property(nasty, nasty, fc.nat(), (id, delta, index) => {
      const json = jsonBytes({
        type: 'response.output_text.delta',
        item_id: id,
        output_index: index,
        delta,
        logprobs: [{ delta: 'no' }],
      })
      const literal = scanStringLiteral(json, 'delta')
      // An id with braces makes the text unusual; then it is parsed instead.
      if (literal !== undefined) expect(JSON.parse(toText(literal))).toBe(JSON.parse(JSON.stringify(delta)))
      else expect(JSON.stringify(id)).toMatch(/[{]/)
      const scanned = scanInteger(json, 'output_index')
      if (scanned !== undefined) expect(scanned).toBe(index)
    }),
  )
})

test('a nested member of the same name is not taken', () => {
  expect(scanStringLiteral(jsonBytes({ part: { delta: 'no' }, delta: 'yes' }), 'delta')).toBeUndefined()
  expect(scanInteger(jsonBytes({ part: { output_index: 1 } }), 'output_index')).toBeUndefined()
})

test('other spacing and other types are left to the parser', () => {
  expect(scanStringLiteral(jsonBytes({ delta: 5 }), 'delta')).toBeUndefined()
  expect(scanInteger(jsonBytes({ output_index: 1.5 }), 'output_index')).toBeUndefined()
})
