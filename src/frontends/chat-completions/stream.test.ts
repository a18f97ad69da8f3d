import { expect, test } from 'vitest'
import { chatChunks, chatDeltas, chatEncoder, NOW_SECONDS } from '../../../test/support/chat-chunks.ts'
import { ev, item, numbered, part, type RawEvent, SAMPLE_USAGE } from '../../simulator/events.ts'
import { GatewayError } from '../../turn/errors.ts'
import { TurnEvent } from '../../turn/events.ts'

const ROLE = { role: 'assistant', content: '' }
const WITH_USAGE = { fields: { stream_options: { include_usage: true } } }
const USAGE = {
  prompt_tokens: 100,
  completion_tokens: 20,
  total_tokens: 120,
  prompt_tokens_details: { cached_tokens: 40 },
  completion_tokens_details: { reasoning_tokens: 7 },
}

const opening = (index: number, id: string, name: string) => ({
  tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }],
})
const fragment = (index: number, args: string) => ({ tool_calls: [{ index, function: { arguments: args } }] })

test('T-12: a text answer is a role chunk, deltas, a finish and [DONE], all with one head', () => {
  const head = {
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1_795_384_000,
    model: 'My-Model',
  }
  const chunk = (delta: object, finish_reason: string | null = null) => ({
    ...head,
    choices: [{ index: 0, delta, finish_reason }],
  })
  const events = [
    ev.created(),
    ev.inProgress(),
    ev.added(item.message('', { content: [], status: 'in_progress' })),
    ev.partAdded(part.text('')),
    ev.text('Hé'),
    ev.text('llo "you"\n'),
    ev.textDone('Héllo "you"\n'),
    ev.partDone(part.text('Héllo "you"\n')),
    ev.done(item.message('Héllo "you"\n')),
    ev.completed('resp_1', { output: [item.message('Héllo "you"\n')] }),
  ]
  expect(chatChunks(events)).toEqual({
    chunks: [chunk(ROLE), chunk({ content: 'Hé' }), chunk({ content: 'llo "you"\n' }), chunk({}, 'stop')],
    isDone: true,
  })
})

test('T-12, S-15: with include_usage the usage comes last, and is null before', () => {
  const events = [ev.created(), ev.toolCall('f'), ev.toolDone('f', '{}'), ev.completed()]
  const { chunks, isDone } = chatChunks(events, WITH_USAGE)
  expect(chunks.map(({ usage }) => usage)).toEqual([null, null, null, null, USAGE])
  expect([chunks.at(-1)?.choices, chunks.at(-1)?.id, isDone]).toEqual([[], chunks[0]?.id, true])
})

test('usage that the backend did not give is not made up', () => {
  expect(chatDeltas([ev.created(), ev.text('a'), ev.completed('resp_1', { usage: null })], WITH_USAGE)).toEqual([
    ROLE,
    { content: 'a' },
    'stop',
    '[DONE]',
  ])
})

test('texts and arguments that only their .done events bring are not lost', () => {
  const call = { itemId: 'fc_1', outputIndex: 1 }
  const events = [
    ev.created(),
    ev.textDone('Hello'),
    ev.toolCall('f', 'call_1', call),
    ev.toolArgsDone('{}', call),
    ev.completed(),
  ]
  expect(chatDeltas(events)).toEqual([
    ROLE,
    { content: 'Hello' },
    opening(0, 'call_1', 'f'),
    fragment(0, '{}'),
    'tool_calls',
    '[DONE]',
  ])
})

test('T-30: items that only the final response holds are shown', () => {
  const output = [
    item.reasoning(['Think.']),
    item.message('Hello'),
    item.functionCall('f', '{}'),
    item.webSearch('weather'),
  ]
  expect(chatDeltas([ev.created(), ev.completed('resp_1', { output })])).toEqual([
    ROLE,
    { reasoning_content: 'Think.' },
    { content: 'Hello' },
    opening(0, 'call_1', 'f'),
    fragment(0, '{}'),
    'tool_calls',
    '[DONE]',
  ])
})

test('items known by id are not shown again, also if the final response counts them otherwise', () => {
  const events = [
    ev.created(),
    ev.done(item.reasoning(['Think.']), 0),
    ev.text('Hello', { outputIndex: 1 }),
    ev.done(item.message('Hello'), 1),
    ev.completed('resp_1', { output: [item.message('Hello')] }),
  ]
  expect(chatDeltas(events)).toEqual([ROLE, { reasoning_content: 'Think.' }, { content: 'Hello' }, 'stop', '[DONE]'])
})

test('events without output_index are told apart by item id', () => {
  const bare = (event: RawEvent) => Object.fromEntries(Object.entries(event).filter(([key]) => key !== 'output_index'))
  const first = item.message('one', { id: 'msg_1' })
  const second = item.message('two', { id: 'msg_2' })
  const events = [
    ev.text('one', { itemId: 'msg_1' }),
    ev.done(first),
    ev.text('t', { itemId: 'msg_2' }),
    ev.done(second),
  ].map((event) => bare(event) as RawEvent)
  expect(chatDeltas([ev.created(), ...events, ev.completed('resp_1', { output: [first, second] })])).toEqual([
    ROLE,
    { content: 'one' },
    { content: 't' },
    { content: 'wo' },
    'stop',
    '[DONE]',
  ])
})

test('T-15: reasoning is reasoning_content, with a blank line between its parts, once', () => {
  const events = [
    ev.created(),
    ev.added(item.reasoning([])),
    ev.summaryAdded(),
    ev.summary('One'),
    ev.summary(' part.'),
    ev.summaryAdded({ partIndex: 1 }),
    ev.summary('Two.', { partIndex: 1 }),
    ev.done(item.reasoning(['One part.', 'Two.'])),
    ev.text('Hi', { outputIndex: 1 }),
    ev.completed(),
  ]
  expect(chatDeltas(events)).toEqual([
    ROLE,
    { reasoning_content: 'One' },
    { reasoning_content: ' part.' },
    { reasoning_content: '\n\nTwo.' },
    { content: 'Hi' },
    'stop',
    '[DONE]',
  ])
})

test('reasoning that no delta brought comes with its item; raw reasoning text is reasoning too', () => {
  expect(chatDeltas([ev.created(), ev.done(item.reasoning(['One.', 'Two.'])), ev.completed()]).slice(1)).toEqual([
    { reasoning_content: 'One.\n\nTwo.' },
    'stop',
    '[DONE]',
  ])
  expect(chatDeltas([ev.created(), ev.reasoningText('raw')]).slice(1)).toEqual([{ reasoning_content: 'raw' }])
})

test('T-23: reasoning alone ends like any answer', () => {
  expect(chatDeltas([ev.created(), ev.summary('Hm.'), ev.completed()])).toEqual([
    ROLE,
    { reasoning_content: 'Hm.' },
    'stop',
    '[DONE]',
  ])
})

test('K-24: think_tags put reasoning into the content before the text; none shows nothing of it', () => {
  const events = [
    ev.created(),
    ev.summary('One.'),
    ev.summary('Two.', { partIndex: 1 }),
    ev.done(item.reasoning(['One.', 'Two.'])),
    ev.text('Hi', { outputIndex: 1 }),
    ev.completed(),
  ]
  expect(chatDeltas(events, { layer: { reasoning_output: 'think_tags' } })).toEqual([
    ROLE,
    { content: '<think>One.' },
    { content: '\n\nTwo.' },
    { content: '</think>' },
    { content: 'Hi' },
    'stop',
    '[DONE]',
  ])
  expect(chatDeltas(events, { layer: { reasoning_output: 'none' } })).toEqual([
    ROLE,
    { content: 'Hi' },
    'stop',
    '[DONE]',
  ])
})

test('K-24: think_tags are closed before a call and before the end', () => {
  const layer = { reasoning_output: 'think_tags' } as const
  const call = ev.toolCall('f', 'call_1', { itemId: 'fc_1', outputIndex: 1 })
  expect(chatDeltas([ev.created(), ev.summary('Hm.'), call], { layer }).slice(1)).toEqual([
    { content: '<think>Hm.' },
    { content: '</think>' },
    opening(0, 'call_1', 'f'),
  ])
  expect(chatDeltas([ev.created(), ev.summary('Hm.'), ev.completed()], { layer }).slice(1)).toEqual([
    { content: '<think>Hm.' },
    { content: '</think>' },
    'stop',
    '[DONE]',
  ])
})

test('T-21: a refusal is told in delta.refusal', () => {
  const events = [ev.created(), ev.refusal('I can'), ev.refusal('not.'), ev.done(item.refusal('I cannot.'))]
  expect(chatDeltas(events).slice(1)).toEqual([{ refusal: 'I can' }, { refusal: 'not.' }])
  expect(chatDeltas([ev.created(), ev.done(item.refusal('No.'))]).slice(1)).toEqual([{ refusal: 'No.' }])
})

test('T-22: annotations come in the chat form, once', () => {
  const citation = { url: 'https://example.com', title: 'Example', start_index: 0, end_index: 5 }
  const flat = { type: 'url_citation', ...citation }
  const shown = { annotations: [{ type: 'url_citation', url_citation: citation }] }
  const done = ev.done(item.message('Hello', { content: [part.text('Hello', [flat])] }))
  expect(chatDeltas([ev.created(), ev.text('Hello'), ev.annotation(flat), done]).slice(2)).toEqual([shown])
  expect(chatDeltas([ev.created(), ev.text('Hello'), done]).slice(2)).toEqual([shown])
})

test('the reason of an incomplete answer is told, with calls or without', () => {
  const call = [ev.toolCall('f'), ev.toolArgs('{"a')]
  expect(chatDeltas([ev.created(), ev.text('a'), ev.incomplete()]).slice(2)).toEqual(['length', '[DONE]'])
  expect(chatDeltas([ev.created(), ...call, ev.incomplete()]).slice(3)).toEqual(['length', '[DONE]'])
  expect(chatDeltas([ev.created(), ev.incomplete('content_filter')]).slice(1)).toEqual(['content_filter', '[DONE]'])
})

test('S-12: response.done ends like response.completed, and nothing follows the end', () => {
  expect(chatDeltas([ev.created(), ev.text('a'), ev.responseDone(), ev.text('b'), ev.completed()])).toEqual([
    ROLE,
    { content: 'a' },
    'stop',
    '[DONE]',
  ])
})

test('S-13: foreign and hosted events change nothing', () => {
  const plain = [ev.created(), ev.text('a'), ev.done(item.message('a')), ev.completed()]
  const [created, ...rest] = plain as [RawEvent, ...RawEvent[]]
  const noisy = [
    { type: 'response.metadata', headers: {} },
    { type: 'somebody.else' },
    created,
    ev.webSearch('searching', { itemId: 'ws_1', outputIndex: 5 }),
    ev.done(item.webSearch('x'), 5),
    { type: 'response.shiny_new_thing.delta', delta: 'x' },
    ...rest,
  ]
  expect(chatChunks(noisy)).toEqual(chatChunks(plain))
})

test('S-13: without response.created the role chunk comes with the first output, under a fresh id', () => {
  const events = [ev.text('a'), ev.completed()]
  const [role, text] = chatChunks(events).chunks
  expect(role?.id).toMatch(/^chatcmpl-[0-9a-f]{24}$/)
  expect([role?.created, text?.id]).toEqual([NOW_SECONDS, role?.id])
  expect(chatDeltas(events)).toEqual([ROLE, { content: 'a' }, 'stop', '[DONE]'])
  expect(chatChunks([ev.inProgress('resp_9')]).chunks[0]?.id).toBe('chatcmpl-9')
})

test('a batch means the same however the events are divided', () => {
  const events = [ev.created(), ev.summary('Hm.'), ev.text('a', { outputIndex: 1 }), ev.toolCall('f'), ev.completed()]
  const turnEvents = numbered(events).map((event) => TurnEvent.of(event))
  const whole = chatEncoder().push(turnEvents)
  const single = chatEncoder()
  expect(turnEvents.map((event) => single.push([event])).join('')).toBe(whole)
})

test('deltas keep their bytes', () => {
  const json = '{"type":"response.output_text.delta","output_index":0,"delta":"\\u00e9\\/\\ud83d"}'
  const encoder = chatEncoder()
  const bytes = encoder.push([new TurnEvent('response.output_text.delta', json as TurnEvent['json'])])
  expect(bytes).toContain('"delta":{"content":"\\u00e9\\/\\ud83d"}')
})

test('S-05: a late failure is an error object, and no finish follows', () => {
  const encoder = chatEncoder()
  encoder.push([TurnEvent.of(ev.created()), TurnEvent.of(ev.text('a'))])
  const failed = encoder.fail(new GatewayError('upstream_stream_ended', 'The stream ended early.'))
  expect(failed).toBe(
    'data: {"error":{"message":"The stream ended early.","type":"server_error","param":null,"code":"upstream_stream_ended"}}\n\n',
  )
})

test('S-08: a silence is broken by a comment', () => {
  expect(chatEncoder().keepalive()).toBe(': keepalive\n\n')
})

test('S-14: cache writes are counted', () => {
  const usage = { ...SAMPLE_USAGE, input_tokens_details: { cached_tokens: 0, cache_write_tokens: 60 } }
  const deltas = chatDeltas([ev.created(), ev.completed('resp_1', { usage })], WITH_USAGE)
  expect(deltas.at(-2)).toEqual({ ...USAGE, prompt_tokens_details: { cached_tokens: 0, cache_write_tokens: 60 } })
})
