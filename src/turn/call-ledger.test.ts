import { expect, test } from 'vitest'
import { CallLedger } from './call-ledger.ts'

test('results find their calls by id, by name, or in order', () => {
  const ledger = new CallLedger()
  const ids = [
    ledger.open('', 'a', 'p0'),
    ledger.open('x', 'b', 'p1'),
    ledger.open('x', 'b', 'p2'),
    ledger.open('', 'c', 'p3'),
  ]
  expect(ids).toEqual(['call_codexway_0', 'x', 'call_codexway_2', 'call_codexway_3'])
  expect(ledger.answer('', 'b')).toBe('x')
  expect(ledger.answer('unknown', 'b')).toBe('call_codexway_2')
  expect(ledger.answer('', '')).toBe('call_codexway_0')
  expect(() => ledger.refuseOpen()).toThrow('p3: the call of "c" has no result.')
  expect(ledger.answer('call_codexway_3', 'other')).toBe('call_codexway_3')
  expect(ledger.answer('', 'c')).toBeUndefined()
  expect(() => ledger.refuseOpen()).not.toThrow()
})
