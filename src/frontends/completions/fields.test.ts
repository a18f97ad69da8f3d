import { expect, test } from 'vitest'
import { expectDocumented } from '../../../test/support/field-table.ts'
import { GatewayError } from '../../turn/errors.ts'
import { COMPLETION_FIELDS } from './fields.ts'
import { parseCompletionRequest } from './request.ts'

/** A value of each field that asks for something. */
const ASKING: Record<string, unknown> = {
  reasoning_effort: 'low',
  verbosity: 'low',
  prompt_cache_key: 'k',
  stream: true,
  stream_options: { include_usage: true },
  stop: 'END',
  max_tokens: 5,
  max_completion_tokens: 5,
  max_output_tokens: 5,
  n: 2,
  best_of: 2,
  echo: true,
  suffix: 'and so on',
}

function parse(fields: object) {
  return parseCompletionRequest({ model: 'gpt-5.5', prompt: 'Hello', ...fields }, { headers: {}, keyId: '' })
}

test('every field alone is carried over, emulated, reported or refused, as its class says', () => {
  const { fieldOrder: _order, ...plain } = parse({})
  for (const [name, kind] of Object.entries(COMPLETION_FIELDS)) {
    if (name === 'prompt' || name === 'model' || kind === "gateway's own") continue
    const fields = { [name]: ASKING[name] ?? 3 }
    if (kind === 'refused') {
      expect(() => parse(fields), name).toThrow(GatewayError)
      continue
    }
    const { fieldOrder: _fieldOrder, ...turn } = parse(fields)
    if (kind === 'dropped') expect(turn, name).toEqual({ ...plain, extras: fields })
    else {
      expect(turn.extras, name).toEqual({})
      expect(turn, name).not.toEqual(plain)
    }
  }
})

test('values that ask for what happens anyway are no matter', () => {
  const { fieldOrder: _order, ...plain } = parse({})
  const { fieldOrder: _fieldOrder, ...turn } = parse({ n: 1, best_of: 1, echo: false, suffix: null, stop: null })
  expect(turn).toEqual(plain)
})

test.each<[unknown, string, string | null]>([
  [undefined, 'prompt', null],
  [null, 'prompt', null],
  ['', 'prompt', null],
  [[], 'prompt', null],
  [{}, 'prompt', null],
  [['one', ''], 'prompt[1]', null],
  [['one', null], 'prompt[1]', null],
  [Array(101).fill('one'), 'prompt', null],
  [[1, 2, 3], 'prompt', 'unsupported_parameter'],
  [[[1, 2], [3]], 'prompt', 'unsupported_parameter'],
])('a prompt of %j is refused', (prompt, param, code) => {
  expect(() => parse({ prompt })).toThrow(expect.objectContaining({ param, code, status: 400 }))
})

test('each prompt is a turn of its own', () => {
  const turn = parse({ prompt: ['One', 'Two'], stop: ['END'], max_tokens: 7 })
  const texts = [turn, ...(turn.further ?? [])].map(({ body, stop, maxOutputTokens }) => [
    body.input,
    stop,
    maxOutputTokens,
  ])
  const user = (text: string) => [{ type: 'message', role: 'user', content: [{ type: 'input_text', text }] }]
  expect(texts).toEqual([
    [user('One'), ['END'], 7],
    [user('Two'), ['END'], 7],
  ])
})

test('O-05: the documentation’s table is this one', () => {
  expectDocumented('completions', COMPLETION_FIELDS)
})
