import { expect, test } from 'vitest'
import { expectDocumented } from '../../../test/support/field-table.ts'
import { GatewayError } from '../../turn/errors.ts'
import { MESSAGES_FIELDS } from './fields.ts'
import { parseMessagesRequest } from './request.ts'

/** A value of each field that asks for something. */
const ASKING: Record<string, unknown> = {
  system: 'Be brief.',
  tools: [{ name: 'f', input_schema: { type: 'object' } }],
  tool_choice: { type: 'none' },
  thinking: { type: 'adaptive' },
  output_config: { effort: 'low' },
  output_format: { type: 'json_schema', schema: { type: 'object' } },
  service_tier: 'priority',
  speed: 'fast',
  metadata: { user_id: '{"session_id":"s1"}' },
  stream: true,
  max_tokens: 5,
  stop_sequences: ['END'],
  mcp_servers: [{ type: 'url', name: 'm', url: 'https://mcp.example' }],
}

/** Honoured by doing nothing: what it asks for happens anyway. */
const WITHOUT_EFFECT = ['cache_control']

function parse(fields: object) {
  return parseMessagesRequest(
    { model: 'gpt-5.5', messages: [{ role: 'user', content: 'Hello' }], ...fields },
    { headers: {}, keyId: '' },
  )
}

test('P-02: every field alone is carried over, emulated, reported or refused, as its class says', () => {
  const { fieldOrder: _order, ...plain } = parse({})
  for (const [name, kind] of Object.entries(MESSAGES_FIELDS)) {
    if (name === 'messages' || name === 'model' || kind === "gateway's own") continue
    const fields = { [name]: ASKING[name] ?? 1 }
    if (kind === 'refused') {
      expect(() => parse(fields), name).toThrow(GatewayError)
      continue
    }
    const { fieldOrder: _fieldOrder, ...turn } = parse(fields)
    if (kind === 'dropped') expect(turn, name).toEqual({ ...plain, extras: fields })
    else if (WITHOUT_EFFECT.includes(name)) expect(turn, name).toEqual(plain)
    else {
      expect(turn.extras, name).toEqual({})
      expect(turn, name).not.toEqual(plain)
    }
  }
})

test("the gateway's own keys are never taken for the protocol's", () => {
  const own = Object.entries(MESSAGES_FIELDS).filter(([, kind]) => kind === "gateway's own")
  for (const [name] of own) {
    const isObject = /capabilities|extra_body/.test(name)
    expect(parse({ [name]: isObject ? {} : 'x' }).extras, name).toEqual({})
  }
})

test('O-05: the documentation’s table is this one', () => {
  expectDocumented('messages', MESSAGES_FIELDS)
})
