import { expect, test } from 'vitest'
import { responsesEncoder, responsesStream, toEvents } from '../../../test/support/responses-stream.ts'
import { toText } from '../../lib/byte-string.ts'
import { objectAt, stringAt } from '../../lib/json.ts'
import { ev, item, numbered, part, type RawEvent, responseObject, SAMPLE_USAGE } from '../../simulator/events.ts'
import { GatewayError } from '../../turn/errors.ts'
import { TurnEvent } from '../../turn/events.ts'
import { parseResponsesRequest } from './request.ts'
import { ResponsesEncoder } from './stream.ts'

/** The stream with one answer's events between created and completed, without those two. */
function between(...events: RawEvent[]): RawEvent[] {
  const [, ...rest] = responsesStream([ev.created(), ...numbered(events, 1), ev.completed('resp_1', { output: [{}] })])
  return rest.slice(0, -1)
}

function idOf(event: RawEvent | undefined): string | undefined {
  return stringAt(objectAt(event ?? {}, 'response') ?? {}, 'id')
}

const message = { id: 'msg_1', type: 'message', status: 'completed', role: 'assistant' }
const opened = { ...message, status: 'in_progress', content: [] }
const place = { item_id: 'msg_1', output_index: 0 }
const cited = part.text('It is so.', [{ type: 'url_citation', url: 'u' }])

test('a finished message alone gets its beginning, its parts and one delta each', () => {
  const done = ev.done({ ...message, content: [cited, part.refusal('No.')] })
  const at = { ...place, content_index: 0 }
  const second = { ...place, content_index: 1 }
  const made = (type: string, fields: object) => ({ type, sequence_number: 1, ...fields })
  expect(between(done)).toEqual([
    made('response.output_item.added', { output_index: 0, item: opened }),
    made('response.content_part.added', { ...at, part: { ...cited, text: '', annotations: [] } }),
    made('response.output_text.delta', { ...at, delta: 'It is so.' }),
    made('response.output_text.done', { ...at, text: 'It is so.' }),
    made('response.content_part.done', { ...at, part: cited }),
    made('response.content_part.added', { ...second, part: part.refusal('') }),
    made('response.refusal.delta', { ...second, delta: 'No.' }),
    made('response.refusal.done', { ...second, refusal: 'No.' }),
    made('response.content_part.done', { ...second, part: part.refusal('No.') }),
    made('response.output_item.done', { output_index: 0, item: done.item }),
  ])
})

test('a delta before its item and part is announced, and the late beginning left out', () => {
  const late = ev.added(item.message('', { status: 'in_progress', content: [] }))
  const events = between(ev.text('Hi'), late, ev.text('!'), ev.done(item.message('Hi!')))
  expect(events.map(({ type, sequence_number: number }) => [type, number])).toEqual([
    ['response.output_item.added', 1],
    ['response.content_part.added', 1],
    ['response.output_text.delta', 1],
    ['response.output_text.delta', 3],
    ['response.output_text.done', 4],
    ['response.content_part.done', 4],
    ['response.output_item.done', 4],
  ])
  expect(events[0]).toEqual({ type: 'response.output_item.added', sequence_number: 1, output_index: 0, item: opened })
})

test('deltas of a call nobody announced wait for its name, and come as one', () => {
  const call = item.functionCall('read', '{"a":1}')
  const at = { item_id: 'fc_1', output_index: 0 }
  expect(between(ev.toolArgs('{"a"'), ev.toolArgs(':1}'), ev.toolArgsDone('{"a":1}'), ev.done(call))).toEqual([
    {
      type: 'response.output_item.added',
      sequence_number: 4,
      output_index: 0,
      item: { ...call, status: 'in_progress', arguments: '' },
    },
    { type: 'response.function_call_arguments.delta', sequence_number: 4, ...at, delta: '{"a":1}' },
    { type: 'response.function_call_arguments.done', sequence_number: 4, ...at, arguments: '{"a":1}' },
    { type: 'response.output_item.done', sequence_number: 4, output_index: 0, item: call },
  ])
})

test('a whole text without deltas gets one before it; an empty one gets none', () => {
  const [, delta] = between(ev.toolCall('read'), ev.toolArgsDone('{}'), ev.toolDone('read', '{}'))
  expect(delta).toEqual({
    type: 'response.function_call_arguments.delta',
    sequence_number: 2,
    item_id: 'fc_1',
    output_index: 0,
    delta: '{}',
  })
  const empty = between(ev.toolCall('read'), ev.toolArgsDone(''), ev.toolDone('read', ''))
  expect(empty.map(({ type }) => type)).not.toContain('response.function_call_arguments.delta')
})

test('items that never end are ended by the final event, which holds them', () => {
  const events = numbered([
    ev.created(),
    ev.added(item.reasoning([], { encrypted_content: 'gAAA' })),
    ev.summary('Hm.'),
    ev.text('Hi', { outputIndex: 1 }),
    ev.completed(),
  ])
  const reasoning = item.reasoning(['Hm.'], { encrypted_content: 'gAAA' })
  const said = { ...message, content: [{ type: 'output_text', annotations: [], text: 'Hi' }] }
  const stream = responsesStream(events)
  expect(stream.slice(-8)).toEqual([
    {
      type: 'response.output_text.delta',
      sequence_number: 3,
      item_id: 'msg_1',
      output_index: 1,
      content_index: 0,
      delta: 'Hi',
      logprobs: [],
    },
    {
      type: 'response.reasoning_summary_text.done',
      sequence_number: 4,
      item_id: 'rs_1',
      output_index: 0,
      summary_index: 0,
      text: 'Hm.',
    },
    {
      type: 'response.reasoning_summary_part.done',
      sequence_number: 4,
      item_id: 'rs_1',
      output_index: 0,
      summary_index: 0,
      part: part.summary('Hm.'),
    },
    { type: 'response.output_item.done', sequence_number: 4, output_index: 0, item: reasoning },
    {
      type: 'response.output_text.done',
      sequence_number: 4,
      item_id: 'msg_1',
      output_index: 1,
      content_index: 0,
      text: 'Hi',
    },
    {
      type: 'response.content_part.done',
      sequence_number: 4,
      item_id: 'msg_1',
      output_index: 1,
      content_index: 0,
      part: said.content[0],
    },
    { type: 'response.output_item.done', sequence_number: 4, output_index: 1, item: said },
    {
      ...events.at(-1),
      response: { ...responseObject('resp_1', 'completed'), usage: SAMPLE_USAGE, output: [reasoning, said] },
    },
  ])
})

test('an item only the final event knows is shown whole before it', () => {
  const call = item.customCall('patch', 'x')
  const [, ...rest] = responsesStream([ev.created(), ev.completed('resp_1', { output: [call] })])
  expect(rest.map(({ type }) => type)).toEqual([
    'response.output_item.added',
    'response.custom_tool_call_input.delta',
    'response.custom_tool_call_input.done',
    'response.output_item.done',
    'response.completed',
  ])
})

test('S-12: response.done goes out as response.completed with its items', () => {
  const events = [ev.created(), ev.added(item.webSearch('q')), ev.done(item.webSearch('q')), ev.responseDone()]
  expect(responsesStream(events).at(-1)).toEqual({
    ...ev.completed('resp_1', { output: [item.webSearch('q')] }),
  })
})

test('S-13: a missing response.created is made from what names the response', () => {
  const progress = ev.inProgress('resp_7', { model: 'gpt-5.5' })
  expect(responsesStream([{ ...progress, sequence_number: 5 }])).toEqual([
    { type: 'response.created', sequence_number: 5, response: responseObject('resp_7', 'in_progress') },
    { ...progress, sequence_number: 5 },
  ])
})

test('S-13: if nothing names the response, the id made up for it stays to the end', () => {
  const [created, ...rest] = responsesStream([ev.text('Hi'), ev.done(item.message('Hi')), ev.completed('resp_7')])
  expect(created).toEqual({
    type: 'response.created',
    sequence_number: 0,
    response: {
      id: expect.stringMatching(/^resp_[0-9a-f]{24}$/),
      object: 'response',
      created_at: expect.any(Number),
      status: 'in_progress',
      output: [],
    },
  })
  const id = idOf(created)
  expect(rest.at(-1)).toMatchObject({ type: 'response.completed', response: { id, output: [{ id: 'msg_1' }] } })
})

test('a bare response.created is completed', () => {
  expect(responsesStream([{ type: 'response.created', sequence_number: 0, response: { id: 'resp_3' } }])).toEqual([
    {
      type: 'response.created',
      sequence_number: 0,
      response: { id: 'resp_3', object: 'response', created_at: expect.any(Number), status: 'in_progress', output: [] },
    },
  ])
})

test('nothing foreign comes before response.created; later it passes', () => {
  const foreign = { type: 'response.metadata', headers: {} }
  const own = { type: 'keepalive' }
  const events = [foreign, own, ev.created(), ev.inProgress(), foreign, ev.completed()]
  expect(responsesStream(events)).toEqual([ev.created(), foreign, own, ev.inProgress(), foreign, ev.completed()])
})

test('a stage of a hosted tool announces its item', () => {
  const [added] = between(ev.webSearch('searching'))
  expect(added).toEqual({
    type: 'response.output_item.added',
    sequence_number: 1,
    output_index: 0,
    item: { id: 'ws_1', type: 'web_search_call', status: 'in_progress' },
  })
})

const broken = new GatewayError('upstream_stream_ended', 'It ended.')

test('S-06: a failure of ours carries what was said and the next number', () => {
  const encoder = responsesEncoder()
  const begun = numbered([
    ev.created(),
    ev.added(item.message('', { status: 'in_progress', content: [] })),
    ev.text('Hi'),
  ])
  encoder.push(begun.map((event) => TurnEvent.of(event)))
  expect(toEvents(toText(encoder.fail(broken)))).toEqual([
    {
      type: 'response.failed',
      sequence_number: 3,
      response: {
        ...responseObject('resp_1', 'failed'),
        output: [{ ...opened, content: [{ type: 'output_text', annotations: [], text: 'Hi' }] }],
        error: { code: 'upstream_stream_ended', message: 'It ended.' },
      },
    },
  ])
})

test('S-05: the backend’s own failure passes as it is', () => {
  const encoder = responsesEncoder()
  encoder.push([TurnEvent.of(ev.created())])
  const failed = ev.failed({ code: 'server_error', message: 'It broke' })
  const error = new GatewayError('server_error', 'It broke', { event: TurnEvent.of(failed) })
  expect(toEvents(toText(encoder.fail(error)))).toEqual([failed])
})

test('S-03: a failure before anything else still comes behind response.created', () => {
  const [created, failed, ...more] = toEvents(toText(responsesEncoder().fail(broken)))
  expect([created?.type, failed?.type, more]).toEqual(['response.created', 'response.failed', []])
  expect(failed?.response).toMatchObject({ id: idOf(created), status: 'failed', output: [] })
})

test('S-08: only the Codex CLI gets its sign of life as an event', () => {
  const keepalive = (userAgent: string) => {
    const turn = parseResponsesRequest({ model: 'm', input: 'x' }, { headers: { 'user-agent': userAgent }, keyId: '' })
    return new ResponsesEncoder(turn).keepalive()
  }
  expect(keepalive('codex_exec/0.169.0')).toBe('data: {"type":"keepalive"}\n\n')
  expect(keepalive('opencode/1')).toBe(': keepalive\n\n')
})
