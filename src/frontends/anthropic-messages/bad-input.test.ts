import fc from 'fast-check'
import { expect, test } from 'vitest'
import { messagesTurn } from '../../../test/support/messages-events.ts'
import { GatewayError } from '../../turn/errors.ts'

/** A request that uses everything, to be spoiled in one place. */
const RICH = {
  system: [{ type: 'text', text: 'Be brief.' }],
  messages: [
    {
      role: 'user',
      content: [
        { type: 'text', text: 'Hi' },
        { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw==' } },
        { type: 'document', title: 'T', source: { type: 'content', content: [{ type: 'text', text: 'Part' }] } },
        { type: 'search_result', title: 'T', source: 'https://a.example', content: [{ type: 'text', text: 'It' }] },
      ],
    },
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'Hm', signature: 'codexway.1:gAAA' },
        { type: 'tool_use', id: 'a', name: 'read', input: { path: 'x' } },
      ],
    },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: [{ type: 'text', text: 'ok' }] }] },
    { role: 'system', content: [{ type: 'tool_addition', tool: { type: 'tool_reference', name: 'read' } }] },
  ],
  tools: [
    { name: 'read', input_schema: { type: 'object' }, strict: true },
    { type: 'web_search_20250305', name: 'web_search' },
  ],
  tool_choice: { type: 'tool', name: 'read', disable_parallel_tool_use: true },
  thinking: { type: 'enabled', budget_tokens: 2000, display: 'omitted' },
  output_config: { effort: 'low', format: { type: 'json_schema', schema: { type: 'object' } } },
  metadata: { user_id: '{"session_id":"s"}' },
  stop_sequences: ['END'],
}

function placesOf(value: unknown, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (typeof value !== 'object' || value === null) return [path]
  return [path, ...Object.entries(value).flatMap(([key, inner]) => placesOf(inner, [...path, key]))]
}

function spoiled(value: unknown, [key, ...rest]: readonly (string | number)[], by: unknown): unknown {
  if (key === undefined) return by
  if (Array.isArray(value))
    return value.map((inner, index) => (index === Number(key) ? spoiled(inner, rest, by) : inner))
  const object = value as Record<string, unknown>
  return { ...object, [key]: spoiled(object[key], rest, by) }
}

const places = placesOf(RICH).filter(({ length }) => length > 0)

test('the rich request itself is fine', () => {
  expect(messagesTurn(RICH).body.input).toHaveLength(5)
})

test('whatever stands in one place: a turn, or a 400 that names a path of the request', () => {
  const anything = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom(undefined, null, '', 0, -1, [], {}, [{}], [null], { type: {} }),
  )
  fc.assert(
    fc.property(fc.constantFrom(...places), anything, (place, by) => {
      try {
        messagesTurn(spoiled(RICH, place, by) as object)
      } catch (thrown) {
        if (!(thrown instanceof GatewayError)) throw thrown
        expect([thrown.status, typeof thrown.param]).toEqual([400, 'string'])
      }
    }),
    { numRuns: 3000 },
  )
})

test('nesting without end is taken or refused, not a crash', () => {
  const deep = JSON.parse(`${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`)
  const call = { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'read', input: deep }] }
  const result = { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a' }] }
  // How deep JSON.stringify goes depends on the Node.
  expect([200, 400]).toContain(statusOf({ messages: [call, result] }))
  const document = Array.from({ length: 20_000 }).reduce<unknown>(
    (inner) => ({ type: 'document', source: { type: 'content', content: [inner] } }),
    { type: 'text', text: 'x' },
  )
  expect(statusOf({ messages: [{ role: 'user', content: [document] }] })).toBe(400)
})

function statusOf(fields: object): number {
  try {
    messagesTurn(fields)
    return 200
  } catch (thrown) {
    if (thrown instanceof GatewayError) return thrown.status
    throw thrown
  }
}
