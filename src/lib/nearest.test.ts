import { expect, test } from 'vitest'
import { nearest } from './nearest.ts'

test('the closest words come first, without case, each once', () => {
  expect(nearest('GPT5.5', ['gpt-6-sol', 'gpt-5', 'gpt-5.5', 'gpt-5.5'], 2)).toEqual(['gpt-5.5', 'gpt-5'])
})

test('one word unless more are asked for, none from an empty list', () => {
  expect([nearest('default_capabilites', ['prompt', 'default_capabilities']), nearest('x', [])]).toEqual([
    ['default_capabilities'],
    [],
  ])
})

test('a very long word is answered as quickly as a short one', () => {
  expect(nearest('gpt-5.5'.repeat(100_000), ['gpt-5.5'])).toEqual(['gpt-5.5'])
})
