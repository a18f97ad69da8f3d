import { expect, test } from 'vitest'
import { messagesTurn } from '../../../test/support/messages-events.ts'
import type { GatewayError } from '../../turn/errors.ts'

const SCHEMA = { type: 'object', properties: { path: { type: 'string' } } }
const STRICT = { ...SCHEMA, required: ['path'], additionalProperties: false }
const tool = (name: string, fields: object = {}) => ({ name, input_schema: SCHEMA, ...fields })
const flat = (name: string, fields: object = {}) => ({
  type: 'function',
  name,
  parameters: SCHEMA,
  strict: false,
  ...fields,
})
const GO = { role: 'user', content: 'Go' }

function toolsOf(tools: readonly object[], fields: object = {}) {
  const { body, dropped, adjusted } = messagesTurn({ tools, ...fields })
  return { tools: body.tools, dropped, adjusted }
}

const namesOf = (tools: readonly object[], messages: readonly object[], fields: object = {}) =>
  messagesTurn({ tools, messages, ...fields }).body.tools?.map(({ name }) => name)

test('a tool becomes a function, in order; what caches or streams it asks for happens anyway', () => {
  const silent = { cache_control: { type: 'ephemeral' }, eager_input_streaming: true, allowed_callers: ['direct'] }
  const tools = [tool('b', { description: 'Reads.', ...silent }), tool('a', { type: 'custom' })]
  expect(toolsOf(tools)).toEqual({
    tools: [flat('b', { description: 'Reads.' }), flat('a')],
    dropped: [],
    adjusted: [],
  })
})

test('strict holds where the backend takes the schema so, else it is reported', () => {
  const tools = [tool('a', { strict: true, input_schema: STRICT }), tool('b', { strict: true })]
  expect(toolsOf(tools)).toEqual({
    tools: [flat('a', { parameters: STRICT, strict: true }), flat('b')],
    dropped: [],
    adjusted: ['tools.b.strict=false'],
  })
})

test('what has no place is reported once', () => {
  const tools = ['a', 'b'].map((name) =>
    tool(name, { input_examples: [{}], allowed_callers: ['code_execution_20250825'] }),
  )
  expect(toolsOf(tools).dropped).toEqual(['tools.input_examples', 'tools.allowed_callers'])
})

test('web search becomes the hosted one, its sources are asked for', () => {
  const location = { type: 'approximate', country: 'DE' }
  const search = {
    type: 'web_search_20250305',
    name: 'web_search',
    allowed_domains: ['a.example'],
    user_location: location,
    max_uses: 3,
  }
  const { body, dropped } = messagesTurn({ tools: [search], tool_choice: { type: 'tool', name: 'web_search' } })
  expect(body).toMatchObject({
    tools: [{ type: 'web_search', filters: { allowed_domains: ['a.example'] }, user_location: location }],
    tool_choice: { type: 'web_search' },
    include: ['web_search_call.action.sources'],
  })
  expect(dropped).toEqual(['tools.max_uses'])
})

test('deferred tools wait until something brings them into play', () => {
  const tools = [tool('a'), tool('late', { defer_loading: true })]
  expect(namesOf(tools, [GO])).toEqual(['a'])
  expect(namesOf(tools, [GO], { tool_choice: { type: 'tool', name: 'late' } })).toEqual(['a', 'late'])
  const called = (name: string) => ({ role: 'assistant', content: [{ type: 'tool_use', id: 'c', name, input: {} }] })
  const answer = (content: unknown) => ({ role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c', content }] })
  expect(namesOf(tools, [GO, called('late'), answer('ok')])).toEqual(['a', 'late'])
  const loaded = [GO, called('a'), answer([{ type: 'tool_reference', tool_name: 'late' }])]
  expect(namesOf(tools, loaded)).toEqual(['a', 'late'])
  expect(messagesTurn({ tools, messages: loaded }).body.input.at(-1)).toMatchObject({
    output: [{ type: 'input_text', text: 'The tool "late" is available now.' }],
  })
})

test('system messages add and remove tools', () => {
  const change = (type: string, reference: object) => ({ role: 'system', content: [{ type, tool: reference }] })
  const named = (name: string) => ({ type: 'tool_reference', name })
  const tools = [tool('a'), tool('late', { defer_loading: true })]
  expect(namesOf(tools, [GO, change('tool_addition', named('late'))])).toEqual(['a', 'late'])
  expect(namesOf(tools, [GO, change('tool_removal', named('a'))])).toBeUndefined()
  const back = [change('tool_removal', named('a')), change('tool_addition', named('a'))]
  expect(namesOf(tools, [GO, ...back])).toEqual(['a'])
  const defined = change('tool_addition', { type: 'tool_definition', definition: tool('new') })
  expect(namesOf(tools, [GO, defined])).toEqual(['a', 'new'])
})

test.each([
  [{ type: 'auto' }, 'auto', undefined],
  [{ type: 'any', disable_parallel_tool_use: true }, 'required', false],
  [{ type: 'tool', name: 'a', disable_parallel_tool_use: false }, { type: 'function', name: 'a' }, true],
  [{ type: 'none' }, 'none', undefined],
])('tool_choice %j', (choice, expected, parallel) => {
  const { body } = messagesTurn({ tools: [tool('a')], tool_choice: choice })
  expect([body.tool_choice, body.parallel_tool_calls]).toEqual([expected, parallel])
})

test.each<[fields: object, param: string]>([
  [{ tools: [{ input_schema: SCHEMA }] }, 'tools[0].name'],
  [{ tools: [tool('a'), tool('a')] }, 'tools[1]'],
  [{ tools: [{ name: 'a', input_schema: 'x' }] }, 'tools[0].input_schema'],
  [{ tools: [{ type: 'bash_20250124', name: 'bash' }] }, 'tools[0].type'],
  [{ tools: [{ type: 'code_execution_20250825', name: 'code_execution' }] }, 'tools[0].type'],
  [{ tools: [{ type: 'tool_search_tool_bm25', name: 'tool_search_tool_bm25' }] }, 'tools[0].type'],
  [{ tool_choice: { type: 'some' } }, 'tool_choice.type'],
  [{ tool_choice: { type: 'tool' } }, 'tool_choice.name'],
  [{ tool_choice: 'auto' }, 'tool_choice'],
])('%j is refused with the path', (fields, param) => {
  expect(() => messagesTurn(fields)).toThrow(expect.objectContaining<Partial<GatewayError>>({ status: 400, param }))
})
