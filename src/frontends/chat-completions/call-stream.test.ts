import { expect, test } from 'vitest'
import { chatDeltas } from '../../../test/support/chat-chunks.ts'
import { ev, item, type RawEvent } from '../../simulator/events.ts'

const ROLE = { role: 'assistant', content: '' }

const opening = (index: number, id: string, name: string) => ({
  tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }],
})
const fragment = (index: number, args: string) => ({ tool_calls: [{ index, function: { arguments: args } }] })

test('T-13: interleaved calls keep the index they opened with', () => {
  const a = { itemId: 'fc_a', outputIndex: 0 }
  const b = { itemId: 'fc_b', outputIndex: 1 }
  const deltas = chatDeltas([
    ev.created(),
    ev.toolCall('read', 'call_a', a),
    ev.toolCall('write', 'call_b', b),
    ev.toolArgs('{"x":', a),
    ev.toolArgs('{}', b),
    ev.toolArgs('1}', a),
    ev.toolArgsDone('{}', b),
    ev.toolArgsDone('{"x":1}', a),
    ev.toolDone('write', '{}', 'call_b', b),
    ev.toolDone('read', '{"x":1}', 'call_a', a),
    ev.completed(),
  ])
  expect(deltas).toEqual([
    ROLE,
    opening(0, 'call_a', 'read'),
    opening(1, 'call_b', 'write'),
    fragment(0, '{"x":'),
    fragment(1, '{}'),
    fragment(0, '1}'),
    'tool_calls',
    '[DONE]',
  ])
})

test('deltas find their call by item id, else by output index', () => {
  const { item_id: _id, ...byIndex } = ev.toolArgs('1', { outputIndex: 3 })
  const { output_index: _index, ...byId } = ev.toolArgs('2', { itemId: 'fc_x' })
  const call = ev.toolCall('f', 'c', { itemId: 'fc_x', outputIndex: 3 })
  expect(chatDeltas([ev.created(), call, byIndex as RawEvent, byId as RawEvent]).slice(2)).toEqual([
    fragment(0, '1'),
    fragment(0, '2'),
  ])
})

test('a finished item brings only what its deltas did not', () => {
  const place = { itemId: 'fc_1', outputIndex: 1 }
  const deltas = chatDeltas([
    ev.created(),
    ev.text('Hel'),
    ev.done(item.message('Hello')),
    ev.toolCall('f', 'call_1', place),
    ev.toolArgs('{"a":', place),
    ev.toolDone('f', '{"a":1}', 'call_1', place),
    ev.completed(),
  ])
  expect(deltas).toEqual([
    ROLE,
    { content: 'Hel' },
    { content: 'lo' },
    opening(0, 'call_1', 'f'),
    fragment(0, '{"a":'),
    fragment(0, '1}'),
    'tool_calls',
    '[DONE]',
  ])
})

const DECLARED = { fields: { tools: [{ type: 'custom', custom: { name: 'patch' } }] } }

test('T-16: a call of a tool declared as custom streams its raw input', () => {
  const events = [
    ev.created(),
    ev.customCall('patch'),
    ev.customInput('*** Begin "'),
    ev.customInput('x"\n'),
    ev.customInputDone('*** Begin "x"\n'),
    ev.customDone('patch', '*** Begin "x"\n'),
    ev.completed(),
  ]
  expect(chatDeltas(events, DECLARED)).toEqual([
    ROLE,
    { tool_calls: [{ index: 0, id: 'call_1', type: 'custom', custom: { name: 'patch', input: '' } }] },
    { tool_calls: [{ index: 0, custom: { input: '*** Begin "' } }] },
    { tool_calls: [{ index: 0, custom: { input: 'x"\n' } }] },
    'tool_calls',
    '[DONE]',
  ])
})

test('a custom call the client did not declare so is a function with {"input"}', () => {
  const events = [ev.created(), ev.customCall('patch'), ev.customInput('a "b"'), ev.customDone('patch', 'a "b"')]
  const shown = [ROLE, opening(0, 'call_1', 'patch'), fragment(0, '{"input":"a \\"b\\""}')]
  expect(chatDeltas(events)).toEqual(shown)
  expect(chatDeltas([...events.slice(0, 3), ev.completed()])).toEqual([...shown, 'tool_calls', '[DONE]'])
})

test('T-17: the old form gets function_call deltas, of the one call it has room for', () => {
  const b = { itemId: 'fc_2', outputIndex: 1 }
  const events = [
    ev.created(),
    ev.toolCall('f'),
    ev.toolArgs('{"a":'),
    ev.toolArgs('1}'),
    ev.toolDone('f', '{"a":1}'),
    ev.toolCall('g', 'call_2', b),
    ev.toolArgs('{}', b),
    ev.toolDone('g', '{}', 'call_2', b),
    ev.completed(),
  ]
  expect(chatDeltas(events, { fields: { functions: [{ name: 'f' }] } })).toEqual([
    ROLE,
    { function_call: { name: 'f', arguments: '' } },
    { function_call: { arguments: '{"a":' } },
    { function_call: { arguments: '1}' } },
    'function_call',
    '[DONE]',
  ])
})

test('E-01, E-03, K-23: a call reaches the client as it was sent, declared or not', () => {
  const args = '{"command":["bash","-lc","git reset --hard"], "timeout" : 5}'
  const events = [ev.created(), ev.toolCall('shell'), ev.toolArgs(args), ev.toolDone('shell', args)]
  expect(chatDeltas(events).slice(1)).toEqual([opening(0, 'call_1', 'shell'), fragment(0, args)])
})

test('K-20: summary puts a line of text right before the call, which is held until it is complete', () => {
  const events = [
    ev.created(),
    ev.toolCall('my_tool'),
    ev.toolArgs('{"a"'),
    ev.toolArgs(':1}'),
    ev.toolDone('my_tool', '{"a":1}'),
    ev.completed(),
  ]
  expect(chatDeltas(events, { layer: { tool_text_format: 'summary' } })).toEqual([
    ROLE,
    { content: '[tool:my_tool] {"a":1}' },
    opening(0, 'call_1', 'my_tool'),
    fragment(0, '{"a":1}'),
    'tool_calls',
    '[DONE]',
  ])
  expect(chatDeltas(events)[1]).toEqual(opening(0, 'call_1', 'my_tool'))
  const cut = chatDeltas([...events.slice(0, 4), ev.completed()], { layer: { tool_text_format: 'summary' } })
  expect(cut.slice(1, 4)).toEqual([
    { content: '[tool:my_tool] {"a":1}' },
    opening(0, 'call_1', 'my_tool'),
    fragment(0, '{"a":1}'),
  ])
})

test('K-21: a tool without an element of its own is told in the fallback format', () => {
  const events = [ev.created(), ev.toolCall('weather'), ev.toolDone('weather', '{}')]
  const layer = { tool_text_format: 'codex_xml', fallback_tool_text_format: 'summary' } as const
  expect(chatDeltas(events, { layer })[1]).toEqual({ content: '[tool:weather] {}' })
  expect(chatDeltas(events, { layer: { ...layer, fallback_tool_text_format: 'none' } })[1]).toEqual(
    opening(0, 'call_1', 'weather'),
  )
})
