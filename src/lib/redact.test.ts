import { expect, test } from 'vitest'
import { keepSecret, maskSecrets } from './redact.ts'

test.each([
  ['a JWT', 'got eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.c2lnbmF0dXJl here'],
  ['a refresh token', 'got rt_abcdefghijklmnopq1rs here'],
  ['a personal access token', 'got at-abcdefghijklmnopq1rs here'],
  ['an API key', 'got sk-abcdefghijklmnopq1rs here'],
])('%s is masked by its looks', (_name, text) => {
  expect(maskSecrets(text)).toBe('got [secret] here')
})

test('a bearer is masked whatever it looks like', () => {
  expect(maskSecrets('authorization: Bearer opaque')).toBe('authorization: Bearer [secret]')
})

test('a secret we hold is masked wherever it stands, however plain', () => {
  expect(maskSecrets('key=plainword99;plainword99')).toBe('key=plainword99;plainword99')
  keepSecret('plainword99')
  expect(maskSecrets('key=plainword99;plainword99')).toBe('key=[secret];[secret]')
})

test('what is too short to be a secret masks nothing', () => {
  keepSecret('e')
  keepSecret(undefined)
  expect(maskSecrets('three')).toBe('three')
})
