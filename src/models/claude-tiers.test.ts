import { expect, test } from 'vitest'
import { BUILTIN_ENTRIES } from './builtin-models.ts'
import { findClaudeTier } from './claude-tiers.ts'
import { toModelEntry } from './entry.ts'

const listed = BUILTIN_ENTRIES.filter(({ isListed }) => isListed)
const entries = (...slugs: string[]) => slugs.flatMap((slug) => toModelEntry({ slug }) ?? [])

test('haiku is the smallest, opus the largest, sonnet and others the default', () => {
  const names = ['claude-haiku-4-5', 'claude-3-5-haiku-latest', 'claude-opus-5-5', 'Claude-Sonnet-4-5', 'claude-2.1']
  expect(names.map((name) => findClaudeTier(name, listed))).toEqual([
    'gpt-6-luna',
    'gpt-6-luna',
    'gpt-6-astra',
    'gpt-6.1-sol',
    'gpt-6.1-sol',
  ])
})

test('of one size the first listed is taken, and a size in the middle needs no word', () => {
  const models = entries('gpt-5.5', 'gpt-5.4-mini', 'gpt-5.4', 'gpt-5.3-mini')
  expect(findClaudeTier('claude-haiku-4', models)).toBe('gpt-5.4-mini')
  expect(findClaudeTier('claude-opus-4', models)).toBe('gpt-5.5')
})

test('other names, and an empty list, have no stand-in', () => {
  expect(findClaudeTier('llama-3', listed)).toBeUndefined()
  expect(findClaudeTier('my-claude-opus', listed)).toBeUndefined()
  expect(findClaudeTier('claude-opus-4', [])).toBeUndefined()
})
