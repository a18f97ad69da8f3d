import { expect, test } from 'vitest'
import { toModelPage } from './models.ts'

const models = ['a', 'b', 'c', 'd'].map((id) => ({ id, object: 'model' as const, created: 0, owned_by: 'openai' }))
const page = (query: string) => {
  const { data, ...rest } = toModelPage(models, new URLSearchParams(query))
  return { ids: data.map(({ id }) => id).join(''), ...rest }
}

test('all models in one page unless a limit is asked for', () => {
  expect(page('')).toEqual({ ids: 'abcd', has_more: false, first_id: 'a', last_id: 'd' })
  expect(page('limit=2')).toEqual({ ids: 'ab', has_more: true, first_id: 'a', last_id: 'b' })
  expect(page('limit=2&after_id=b')).toEqual({ ids: 'cd', has_more: false, first_id: 'c', last_id: 'd' })
  expect(page('limit=1&before_id=c')).toEqual({ ids: 'b', has_more: true, first_id: 'b', last_id: 'b' })
})

test('an entry has every member of the official type', () => {
  expect(toModelPage(models, new URLSearchParams('limit=1')).data).toEqual([
    {
      type: 'model',
      id: 'a',
      display_name: 'a',
      created_at: '1970-01-01T00:00:00.000Z',
      lifecycle: 'active',
      line: null,
      capabilities: null,
      max_input_tokens: null,
      max_tokens: null,
      deprecated_at: null,
      retires_at: null,
    },
  ])
})

test('a limit that is none is refused', () => {
  for (const limit of ['0', '-1', 'x', '1001']) expect(() => page(`limit=${limit}`)).toThrow(/limit/)
})
