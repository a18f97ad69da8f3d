import { describe, expect, test } from 'vitest'
import { messagesTurn } from '../../../test/support/messages-events.ts'
import type { GatewayError } from '../../turn/errors.ts'

const OPEN = { type: 'object', properties: { a: { type: 'string' } } }
const CLOSED = { ...OPEN, required: ['a'], additionalProperties: false }

test('the least request, whole', () => {
  const { client: _client, fieldOrder: _order, ...turn } = messagesTurn()
  expect(turn).toEqual({
    endpoint: 'messages',
    model: 'My-Model',
    stream: false,
    body: {
      input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hello' }] }],
      reasoning: { summary: 'none' },
    },
    stop: [],
    maxOutputTokens: 1000,
    includeUsage: true,
    thinking: 'none',
    legacyFunctions: false,
    customTools: new Set(),
    extras: {},
    dropped: [],
    adjusted: [],
    capabilities: {},
    agent: undefined,
    systemPrompt: [],
    environment: {},
    conversationKey: undefined,
    store: false,
    previousResponseId: undefined,
    remoteImages: [],
  })
})

describe('thinking and effort', () => {
  const asked = (fields: object) => {
    const { thinking, body, adjusted } = messagesTurn(fields)
    return [thinking, body.reasoning, adjusted]
  }

  test.each([
    [{ type: 'adaptive' }, 'summarized', {}],
    [{ type: 'adaptive', display: 'omitted' }, 'omitted', { summary: 'none' }],
    [{ type: 'adaptive', display: null }, 'summarized', {}],
    [{ type: 'between_tools' }, 'summarized', {}],
    [{ type: 'disabled' }, 'none', { effort: 'none', summary: 'none' }],
  ])('%j', (thinking, shown, reasoning) => {
    expect(asked({ thinking })).toEqual([shown, reasoning, []])
  })

  test.each([
    [1024, 'low'],
    [4096, 'medium'],
    [15_999, 'medium'],
    [16_384, 'high'],
    [64_000, 'xhigh'],
  ])('a budget of %i stands for %s, and is reported', (budget, effort) => {
    const thinking = { type: 'enabled', budget_tokens: budget }
    expect(asked({ thinking })).toEqual(['summarized', { effort }, [`output_config.effort=${effort}`]])
  })

  test('an effort that is asked for beats budget and disabled', () => {
    const config = { output_config: { effort: 'max' } }
    const enabled = { type: 'enabled', budget_tokens: 1024 }
    expect(asked({ thinking: enabled, ...config })).toEqual(['summarized', { effort: 'max' }, []])
    const disabled = { type: 'disabled' }
    expect(asked({ thinking: disabled, ...config })).toEqual(['none', { effort: 'max', summary: 'none' }, []])
  })
})

test('a schema is strict where the backend takes it so, in both places', () => {
  const format = (schema: object) => ({ type: 'json_schema', schema })
  const text = (schema: object, strict: boolean) => ({
    format: { type: 'json_schema', name: 'output', schema, strict },
  })
  const strict = messagesTurn({ output_config: { format: format(CLOSED) } })
  expect([strict.body.text, strict.adjusted]).toEqual([text(CLOSED, true), []])
  const loose = messagesTurn({ output_config: { format: format(OPEN) } })
  expect([loose.body.text, loose.adjusted]).toEqual([text(OPEN, false), ['output_config.format.strict=false']])
  expect(messagesTurn({ output_format: format(CLOSED) }).body.text).toEqual(text(CLOSED, true))
})

test('tiers: fast is priority, standard_only and auto are nothing of their own', () => {
  expect(messagesTurn({ speed: 'fast' }).body.service_tier).toBe('priority')
  expect(messagesTurn({ speed: 'standard', service_tier: 'standard_only' }).body.service_tier).toBeUndefined()
  expect(messagesTurn({ service_tier: 'auto' }).body.service_tier).toBe('auto')
})

test('the conversation is named by the session in metadata, never by a plain user', () => {
  const keyOf = (userId: string, headers = {}) =>
    messagesTurn({ metadata: { user_id: userId } }, headers).conversationKey
  expect(keyOf('{"device_id":"d","session_id":"s-1"}')).toBe('s-1')
  expect(keyOf('user_a_account__session_3f2a-1')).toBe('3f2a-1')
  expect(keyOf('user-7')).toBeUndefined()
  expect(keyOf('{"session_id":"s-1"}', { 'x-session-id': 's-2' })).toBe('s-2')
  expect(keyOf('user-7', { 'x-claude-code-session-id': 's-3' })).toBe('s-3')
})

test('what is unknown within output_config is reported', () => {
  expect(messagesTurn({ output_config: { task_budget: { type: 'tokens', total: 9 }, effort: null } }).dropped).toEqual([
    'output_config.task_budget',
  ])
})

test.each<[fields: object, param: string]>([
  [{ max_tokens: 0 }, 'max_tokens'],
  [{ max_tokens: 1.5 }, 'max_tokens'],
  [{ stop_sequences: 'END' }, 'stop_sequences'],
  [{ stop_sequences: ['END', ''] }, 'stop_sequences[1]'],
  [{ stop_sequences: Array(101).fill('x') }, 'stop_sequences'],
  [{ thinking: { type: 'some' } }, 'thinking.type'],
  [{ thinking: { type: 'adaptive', display: 'all' } }, 'thinking.display'],
  [{ thinking: { type: 'enabled' } }, 'thinking.budget_tokens'],
  [{ thinking: { type: 'enabled', budget_tokens: 1000 } }, 'thinking.budget_tokens'],
  [{ output_config: { effort: 5 } }, 'output_config.effort'],
  [{ output_config: { format: { type: 'text' } } }, 'output_config.format.type'],
  [{ output_format: { type: 'json_schema' } }, 'output_format.schema'],
  [{ speed: 'slow' }, 'speed'],
  [{ container: 'c_1' }, 'container'],
  [{ thread: { id: 't' } }, 'thread'],
])('%j is refused with the path', (fields, param) => {
  expect(() => messagesTurn(fields)).toThrow(expect.objectContaining<Partial<GatewayError>>({ status: 400, param }))
})
