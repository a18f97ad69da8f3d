import { expect, test } from 'vitest'
import { GatewayError } from '../../turn/errors.ts'
import { readMessages } from './messages.ts'

const call = (id: string, name = 'read', args = '{}') => ({ id, type: 'function', function: { name, arguments: args } })
const said = (role: string, ...texts: string[]) => ({
  type: 'message',
  role,
  content: texts.map((text) => ({ type: role === 'assistant' ? 'output_text' : 'input_text', text })),
})

function refusal(messages: unknown[]) {
  try {
    readMessages(messages)
  } catch (error) {
    if (error instanceof GatewayError) return { status: error.status, code: error.code, param: error.param }
    throw error
  }
  return undefined
}

test('T-04: text, calls and results keep their order, ids and plain text', () => {
  const { input } = readMessages([
    { role: 'user', content: 'go' },
    { role: 'assistant', content: 'I look.', tool_calls: [call('a', 'read', '{"x": 1 }'), call('b', 'write')] },
    { role: 'tool', tool_call_id: 'a', content: 'one' },
    { role: 'tool', tool_call_id: 'b', content: '' },
  ])
  expect(input).toEqual([
    said('user', 'go'),
    said('assistant', 'I look.'),
    { type: 'function_call', call_id: 'a', name: 'read', arguments: '{"x": 1 }' },
    { type: 'function_call', call_id: 'b', name: 'write', arguments: '{}' },
    { type: 'function_call_output', call_id: 'a', output: 'one' },
    { type: 'function_call_output', call_id: 'b', output: '' },
  ])
})

test('T-18: system and developer messages stay where they are, texts unchanged', () => {
  const { input } = readMessages([
    { role: 'system', content: 'You are Bob é “ ” 中文  ' },
    { role: 'user', content: 'hi' },
    {
      role: 'system',
      content: [
        { type: 'text', text: 'one' },
        { type: 'text', text: 'two' },
      ],
    },
    { role: 'developer', content: 'three' },
  ])
  expect(input).toEqual([
    said('system', 'You are Bob é “ ” 中文  '),
    said('user', 'hi'),
    said('system', 'one', 'two'),
    said('developer', 'three'),
  ])
})

test('T-01: user parts become input parts one by one; a data URL passes byte for byte', () => {
  const url = 'data:image/png;base64,iVBORw0KGgo=+/'
  const { input, remoteImages } = readMessages([
    {
      role: 'user',
      content: [
        { type: 'image_url', image_url: { url, detail: 'low' } },
        { type: 'text', text: 'what is it?' },
        { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA==' } },
      ],
    },
  ])
  expect(input).toEqual([
    {
      type: 'message',
      role: 'user',
      content: [
        { type: 'input_image', image_url: url, detail: 'low' },
        { type: 'input_text', text: 'what is it?' },
        { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA==' },
      ],
    },
  ])
  expect(remoteImages).toEqual([])
})

test('T-02, T-03: images elsewhere are handed to the image step with their path and the very part', () => {
  const { input, remoteImages } = readMessages([
    { role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }] },
    { role: 'assistant', tool_calls: [call('a')] },
    { role: 'tool', tool_call_id: 'a', content: [{ type: 'image_url', image_url: { url: 'http://10.0.0.1/b' } }] },
  ])
  expect(remoteImages.map(({ path }) => path)).toEqual([
    'messages[0].content[0].image_url',
    'messages[2].content[0].image_url',
  ])
  for (const { part } of remoteImages) part.image_url = 'data:,inlined'
  expect(JSON.stringify(input).match(/data:,inlined/g)).toHaveLength(2)
})

test('empty and null texts make no item; an assistant refusal is a part', () => {
  const { input } = readMessages([
    { role: 'user', content: '' },
    { role: 'assistant', content: null, refusal: 'No.' },
    { role: 'assistant', content: [{ type: 'text', text: '' }] },
    { role: 'assistant', content: [{ type: 'refusal', refusal: 'Still no.' }], refusal: null },
  ])
  expect(input).toEqual([
    { type: 'message', role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] },
    { type: 'message', role: 'assistant', content: [{ type: 'refusal', refusal: 'Still no.' }] },
  ])
})

test('T-16: a custom call and its result keep their kind and raw input', () => {
  const { input } = readMessages([
    {
      role: 'assistant',
      tool_calls: [{ id: 'c', type: 'custom', custom: { name: 'patch', input: '*** Begin\n"x"' } }],
    },
    { role: 'tool', tool_call_id: 'c', content: 'done' },
  ])
  expect(input).toEqual([
    { type: 'custom_tool_call', call_id: 'c', name: 'patch', input: '*** Begin\n"x"' },
    { type: 'custom_tool_call_output', call_id: 'c', output: 'done' },
  ])
})

test('results in parts become a list of input parts; parts without content stay an empty text', () => {
  const { input } = readMessages([
    { role: 'assistant', tool_calls: [call('a'), call('b')] },
    { role: 'tool', tool_call_id: 'a', content: [{ type: 'text', text: 'one' }] },
    { role: 'tool', tool_call_id: 'b', content: [] },
  ])
  expect(input.slice(2)).toEqual([
    { type: 'function_call_output', call_id: 'a', output: [{ type: 'input_text', text: 'one' }] },
    { type: 'function_call_output', call_id: 'b', output: '' },
  ])
})

test('T-17: old calls are paired with the results that name their function, by ids that every turn makes alike', () => {
  const messages = [
    { role: 'user', content: 'go' },
    { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{"a":1}' } },
    { role: 'function', name: 'f', content: 'one' },
    { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{"a":2}' } },
    { role: 'function', name: 'f', content: 'two' },
  ]
  const { input, dropped } = readMessages(messages)
  expect(input.slice(1)).toEqual([
    { type: 'function_call', call_id: 'call_legacy_0', name: 'f', arguments: '{"a":1}' },
    { type: 'function_call_output', call_id: 'call_legacy_0', output: 'one' },
    { type: 'function_call', call_id: 'call_legacy_1', name: 'f', arguments: '{"a":2}' },
    { type: 'function_call_output', call_id: 'call_legacy_1', output: 'two' },
  ])
  expect(dropped).toEqual([])
  expect(readMessages(messages.slice(0, 3)).input).toEqual(input.slice(0, 3))
})

test('T-06: a result without its call becomes a developer note, and its images are not fetched', () => {
  const { input, remoteImages } = readMessages([
    {
      role: 'tool',
      tool_call_id: 'call_9',
      content: [
        { type: 'text', text: 'the result' },
        { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
      ],
    },
    { role: 'user', content: 'and?' },
  ])
  expect(input).toEqual([
    said('developer', 'Result of an earlier tool call (id call_9):\nthe result'),
    said('user', 'and?'),
  ])
  expect(remoteImages).toEqual([])
})

test('T-07: a call without result is refused if the conversation goes on, and passes if it is the last word', () => {
  const open = { role: 'assistant', content: null, tool_calls: [call('call_7')] }
  expect(refusal([open, { role: 'user', content: 'well?' }])).toEqual({
    status: 400,
    code: 'missing_tool_output',
    param: 'messages[0].tool_calls[0]',
  })
  expect(refusal([{ role: 'user', content: 'go' }, open])).toBeUndefined()
})

test('T-05: what cannot be told apart is refused with its path', () => {
  const cases: [unknown, string][] = [
    [{ role: 'tool', content: 'x' }, 'messages[0].tool_call_id'],
    [{ role: 'function', content: 'x' }, 'messages[0].name'],
    [{ role: 'robot', content: 'x' }, 'messages[0].role'],
    ['x', 'messages[0]'],
    [{ role: 'user', content: 5 }, 'messages[0].content'],
    [{ role: 'user', content: [{ type: 'video' }] }, 'messages[0].content[0].type'],
    [{ role: 'user', content: [{ type: 'text' }] }, 'messages[0].content[0].text'],
    [{ role: 'user', content: [{ type: 'image_url', image_url: {} }] }, 'messages[0].content[0].image_url'],
    [{ role: 'assistant', content: 5 }, 'messages[0].content'],
    [{ role: 'assistant', content: [{ type: 'thinking', text: 'x' }] }, 'messages[0].content[0].type'],
    [{ role: 'assistant', tool_calls: [{ id: 'a', function: {} }] }, 'messages[0].tool_calls[0].function.name'],
    [{ role: 'assistant', tool_calls: [{ function: { name: 'f' } }] }, 'messages[0].tool_calls[0].id'],
    [
      { role: 'assistant', tool_calls: [{ id: 'a', function: { name: 'f', arguments: {} } }] },
      'messages[0].tool_calls[0].function.arguments',
    ],
    [{ role: 'assistant', function_call: {} }, 'messages[0].function_call.name'],
  ]
  for (const [message, param] of cases) expect(refusal([message])).toEqual({ status: 400, code: null, param })
  expect(refusal([])).toEqual({ status: 400, code: null, param: 'messages' })
})

test('P-05: audio input is refused', () => {
  const part = { type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } }
  expect(refusal([{ role: 'user', content: [part] }])).toEqual({
    status: 400,
    code: 'unsupported_parameter',
    param: 'messages[0].content[0]',
  })
})

test('T-27: message keys without a meaning are reported once each; what agents echo of our answers is not', () => {
  const { input, dropped } = readMessages([
    { role: 'user', name: 'ann', _x: 1, content: 'a' },
    { role: 'user', name: 'bob', content: 'b', cache_control: null },
    { role: 'assistant', content: 'c', reasoning_content: 'hm', reasoning: 'hm', annotations: [], audio: null },
  ])
  expect(dropped).toEqual(['messages.name', 'messages._x'])
  expect(input).toEqual([said('user', 'a'), said('user', 'b'), said('assistant', 'c')])
})
