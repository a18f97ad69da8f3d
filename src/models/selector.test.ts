import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { GatewayError } from '../turn/errors.ts'
import { findInstance, parseSelector } from './selector.ts'

const ONE = ['openai_codex']
const TWO = ['a', 'b']

function refusal(text: string): Pick<GatewayError, 'status' | 'param' | 'message'> | undefined {
  try {
    parseSelector(text, ONE)
    return undefined
  } catch (error) {
    const { status, param, message } = error as GatewayError
    return { status, param, message }
  }
}

describe('M-02: spellings of one backend', () => {
  test.each([
    'openai-codex:gpt-5.5',
    'openai_codex:gpt-5.5',
    'OPENAI-CODEX:gpt-5.5',
    'openai-codex/gpt-5.5',
    'OpenAI_Codex/gpt-5.5',
    'openai-codex:openai/gpt-5.5',
    'openai-codex/OpenAI/gpt-5.5',
  ])('%s', (text) => {
    const { instance, model } = parseSelector(text, ONE)
    expect({ instance, model }).toEqual({ instance: 'openai_codex', model: 'gpt-5.5' })
  })
})

test('a bare name and one behind openai/ name no backend', () => {
  const read = ['gpt-5.5', 'openai/gpt-5.5'].map((text) => {
    const { backend, instance, model } = parseSelector(text, ONE)
    return { backend, instance, model }
  })
  const bare = { backend: undefined, instance: undefined, model: 'gpt-5.5' }
  expect(read).toEqual([bare, bare])
})

test('a colon behind the first slash belongs to the model', () => {
  const { backend, model } = parseSelector('vendor/model:variant', ONE)
  expect({ backend, model }).toEqual({ backend: undefined, model: 'vendor/model:variant' })
})

test('M-08: a prefix that is no backend is kept as written', () => {
  const { backend, instance, model } = parseSelector('ghost:gpt-5.5', ONE)
  expect({ backend, instance, model }).toEqual({ backend: 'ghost', instance: undefined, model: 'gpt-5.5' })
})

test('M-09: an empty model is a 400 on model', () => {
  for (const text of ['', 'openai-codex:', 'openai-codex/', 'openai/', '?verbosity=low']) {
    expect(refusal(text)).toEqual({
      status: 400,
      param: 'model',
      message: 'The model name is empty. Name one, e.g. "gpt-5.5".',
    })
  }
})

test('a backend is found by exact name, then normalised name, then kind', () => {
  const names = ['B', 'b_1', 'openai-codex']
  expect([
    findInstance('B', names),
    findInstance('B-1', names),
    findInstance('OPENAI_CODEX', names),
    findInstance('openai-codex', TWO),
    findInstance('c', TWO),
  ]).toEqual(['B', 'b_1', 'openai-codex', 'a', undefined])
})

test('M-10: the query is read behind the first question mark, and the last value wins', () => {
  const text =
    'b:gpt-5.5?reasoning_effort=low&verbosity=high&reasoning_summary=none&service_tier=x%3Fy&reasoning_effort=high'
  expect(parseSelector(text, TWO).query).toEqual({
    effort: 'high',
    verbosity: 'high',
    summary: 'none',
    serviceTier: 'x?y',
  })
})

test('M-15: an unknown query key is a 400 that names it and the known ones', () => {
  expect(refusal('gpt-5.5?foo=1')).toEqual({
    status: 400,
    param: 'model',
    message:
      'The model name has an unknown query key "foo". Known ones: reasoning_effort, verbosity, reasoning_summary, service_tier.',
  })
})

test('M-13: a bad value in the query is a 400 on model that names it', () => {
  expect(
    ['gpt-5.5?reasoning_effort=banana', 'gpt-5.5?verbosity=', 'gpt-5.5?reasoning_summary=long'].map(refusal),
  ).toEqual([
    {
      status: 400,
      param: 'model',
      message: '"banana" is no reasoning effort. Use one of: none, minimal, low, medium, high, xhigh, max, ultra.',
    },
    { status: 400, param: 'model', message: '"" is no verbosity. Use one of: low, medium, high.' },
    {
      status: 400,
      param: 'model',
      message: '"long" is no reasoning summary. Use one of: auto, concise, detailed, none.',
    },
  ])
})

test('what is put together comes apart again', () => {
  const name = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,20}$/)
  fc.assert(
    fc.property(
      fc.uniqueArray(name, { minLength: 1 }),
      name,
      fc.constantFrom(':', '/'),
      fc.string(),
      (instances, model, sign, tier) => {
        const backend = instances.at(-1) ?? ''
        const query = new URLSearchParams({ service_tier: tier }).toString()
        const read = parseSelector(`${backend}${sign}${model}?${query}`, instances)
        expect(read).toMatchObject({ backend, instance: backend, model, query: { serviceTier: tier.toWellFormed() } })
      },
    ),
  )
})

test('no string breaks the reading: it is a selector or a refusal of the client', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const status = refusal(text)?.status ?? 400
      expect(status).toBe(400)
    }),
  )
})
