import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseKeyText, toKeyText } from './key-path.ts'

test('keys with dots, quotes or nothing in them are quoted, and read back the same', () => {
  expect(toKeyText(['backends', 'my.name', 'timeout'])).toBe('backends."my.name".timeout')
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1 }), (keys) => {
      fc.pre(keys[0] !== 'model_aliases')
      expect(parseKeyText(toKeyText(keys))).toEqual(keys)
    }),
  )
})

test('an alias is one key, dots and all', () => {
  expect(parseKeyText('model_aliases.gpt-4.1')).toEqual(['model_aliases', 'gpt-4.1'])
  expect(parseKeyText('model_aliases."a.b"')).toEqual(['model_aliases', 'a.b'])
})

test.each(['', '.a', 'a..b', 'a.', 'a."b', '"a"b'])('%j is no key path', (text) => {
  expect(parseKeyText(text)).toBeUndefined()
})
