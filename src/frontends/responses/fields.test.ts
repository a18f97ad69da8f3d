import { expect, test } from 'vitest'
import { expectDocumented } from '../../../test/support/field-table.ts'
import { GatewayError } from '../../turn/errors.ts'
import { RESPONSES_FIELDS } from './fields.ts'
import { parseResponsesRequest } from './request.ts'

/** A value of each field that is not dropped, which asks for something. */
const ASKING: Record<string, unknown> = {
  instructions: 'Be brief.',
  tools: [{ type: 'function', name: 'f' }],
  tool_choice: 'none',
  parallel_tool_calls: false,
  reasoning: { effort: 'low' },
  text: { verbosity: 'low' },
  include: ['x'],
  service_tier: 'flex',
  prompt_cache_key: 'k',
  client_metadata: { a: 'b' },
  access_programs: { a: 'b' },
  stream: true,
  store: false,
  previous_response_id: 'resp_1',
  max_output_tokens: 5,
  max_tokens: 5,
  max_completion_tokens: 5,
  background: true,
  conversation: 'conv_1',
  prompt: { id: 'pmpt_1' },
}

function parse(fields: object) {
  const { fieldOrder: _order, ...turn } = parseResponsesRequest(
    { model: 'gpt-5.5', input: 'Hello', ...fields },
    { headers: {}, keyId: '' },
  )
  return turn
}

test('P-03: every field alone is carried over, emulated, reported or refused, as its class says', () => {
  const plain = parse({})
  for (const [name, kind] of Object.entries(RESPONSES_FIELDS)) {
    if (name === 'input' || name === 'model' || kind === "gateway's own") continue
    const fields = { [name]: ASKING[name] ?? 1 }
    if (kind === 'refused') {
      expect(() => parse(fields), name).toThrow(GatewayError)
      continue
    }
    const turn = parse(fields)
    if (kind === 'dropped') expect(turn, name).toEqual({ ...plain, extras: fields })
    else {
      expect(turn.extras, name).toEqual({})
      expect(turn, name).not.toEqual(plain)
    }
  }
})

test("the gateway's own keys are never taken for the protocol's", () => {
  const own = Object.entries(RESPONSES_FIELDS).filter(([, kind]) => kind === "gateway's own")
  for (const [name] of own) {
    const isObject = /capabilities|extra_body/.test(name)
    expect(parse({ [name]: isObject ? {} : 'x' }).extras, name).toEqual({})
  }
})

test('O-05: the documentation’s table is this one', () => {
  expectDocumented('responses', RESPONSES_FIELDS)
})
