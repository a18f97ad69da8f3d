import { expect, test } from 'vitest'
import { atOrigin, toModelsUrl, toWhamUrl } from './backend-urls.ts'

test('the catalogue is below the base, the account calls are beside it', () => {
  const base = 'https://chatgpt.com/backend-api/codex'
  expect([toModelsUrl(base, '0.169.0'), toWhamUrl(base, 'usage')]).toEqual([
    'https://chatgpt.com/backend-api/codex/models?client_version=0.169.0',
    'https://chatgpt.com/backend-api/wham/usage',
  ])
})

test('slashes and the responses path at the end of a base do not count', () => {
  const bases = ['http://127.0.0.1:1/codex', 'http://127.0.0.1:1/codex//', 'http://127.0.0.1:1/codex/responses']
  expect(bases.map((base) => [toModelsUrl(base, '1'), toWhamUrl(base, 'usage')])).toEqual(
    bases.map(() => ['http://127.0.0.1:1/codex/models?client_version=1', 'http://127.0.0.1:1/wham/usage']),
  )
})

test('a base of another shape has the account calls below it', () => {
  expect(toWhamUrl('https://proxy.example/v1', 'usage')).toBe('https://proxy.example/v1/wham/usage')
})

test('another origin keeps path and query', () => {
  expect(atOrigin('https://chatgpt.com/backend-api/codex/responses?a=b', 'https://gov.chatgpt.com')).toBe(
    'https://gov.chatgpt.com/backend-api/codex/responses?a=b',
  )
})
