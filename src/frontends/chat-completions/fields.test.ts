import { expect, test } from 'vitest'
import { expectDocumented } from '../../../test/support/field-table.ts'
import { GatewayError } from '../../turn/errors.ts'
import { CHAT_FIELDS } from './fields.ts'
import { parseChatRequest } from './request.ts'

/** A value of each official field that asks for something. */
const ASKING: Record<string, unknown> = {
  tools: [{ type: 'function', function: { name: 'f' } }],
  tool_choice: 'none',
  parallel_tool_calls: false,
  functions: [{ name: 'f' }],
  function_call: 'none',
  response_format: { type: 'json_object' },
  reasoning_effort: 'low',
  reasoning: { effort: 'low' },
  verbosity: 'low',
  service_tier: 'flex',
  prompt_cache_key: 'k',
  stream: true,
  stream_options: { include_usage: true },
  stop: 'END',
  max_tokens: 5,
  max_completion_tokens: 5,
  max_output_tokens: 5,
  n: 2,
  audio: { voice: 'alloy', format: 'mp3' },
  modalities: ['text', 'image'],
}

function parse(fields: object) {
  return parseChatRequest(
    { model: 'gpt-5.5', messages: [{ role: 'user', content: 'Hello' }], ...fields },
    { headers: {}, keyId: '' },
  )
}

test('P-02: every field alone is carried over, emulated, reported or refused, as its class says', () => {
  const { fieldOrder: _order, ...plain } = parse({})
  for (const [name, kind] of Object.entries(CHAT_FIELDS)) {
    if (name === 'messages' || name === 'model' || kind === "gateway's own") continue
    const fields = { [name]: ASKING[name] ?? 1 }
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

test("the gateway's own keys are never taken for the protocol's", () => {
  const own = Object.entries(CHAT_FIELDS).filter(([, kind]) => kind === "gateway's own")
  for (const [name] of own) {
    const isObject = /capabilities|extra_body/.test(name)
    expect(parse({ [name]: isObject ? {} : 'x' }).extras, name).toEqual({})
  }
})

test('O-05: the documentation’s table is this one', () => {
  expectDocumented('chat-completions', CHAT_FIELDS)
})
