import { expect, test } from 'vitest'
import type { JsonObject } from '../lib/json.ts'
import { ev, item, part, type RawEvent, responseObject, SAMPLE_USAGE } from '../simulator/events.ts'
import { ResponseCollector } from './collect.ts'
import { TurnEvent } from './events.ts'

function collect(...events: RawEvent[]): ResponseCollector {
  const collector = new ResponseCollector()
  for (const event of events) collector.push(TurnEvent.of(event))
  return collector
}

const completed = (output: JsonObject[]) => ({ ...responseObject('resp_1', 'completed'), usage: SAMPLE_USAGE, output })
const open = { status: 'in_progress' }

test('R-05: the final response stands as it is', () => {
  const final = ev.completed('resp_1', { output: [item.message('final')] })
  const response = collect(ev.created(), ev.done(item.message('other')), final).response()
  expect(response).toEqual(final.response)
})

test('R-12: an empty final output is filled from the finished items, by output index', () => {
  const calls = [item.functionCall('a', '1', { id: 'fc_a' }), item.functionCall('b', '2', { id: 'fc_b' })]
  const [first, second] = calls
  const response = collect(ev.created(), ev.done(second ?? {}, 5), ev.done(first ?? {}, 2), ev.completed()).response()
  expect(response).toEqual(completed(calls))
})

test('T-30: texts of items without an end are put together from their deltas', () => {
  const response = collect(
    ev.created(),
    ev.added(item.message('', { ...open, content: [] })),
    ev.text('a', { partIndex: 0 }),
    ev.refusal('no', { partIndex: 1 }),
    ev.text('b', { partIndex: 0 }),
    ev.toolCall('read', 'call_1', { outputIndex: 1 }),
    ev.toolArgs('{"x"', { outputIndex: 1 }),
    ev.customCall('patch', 'call_2', { outputIndex: 2 }),
    ev.toolArgs(':1}', { outputIndex: 1 }),
    ev.customInput('in', { outputIndex: 2 }),
    ev.added(item.reasoning([]), 3),
    ev.summary('one', { outputIndex: 3 }),
    ev.summary('two', { outputIndex: 3, partIndex: 1 }),
    ev.reasoningText('raw', { outputIndex: 3 }),
    ev.completed(),
  ).response()
  expect(response).toEqual(
    completed([
      item.message('', { content: [{ type: 'output_text', annotations: [], text: 'ab' }, part.refusal('no')] }),
      item.functionCall('read', '{"x":1}'),
      item.customCall('patch', 'in', { call_id: 'call_2' }),
      item.reasoning(['one', 'two'], { content: [{ type: 'reasoning_text', text: 'raw' }] }),
    ]),
  )
})

test('T-30: whole texts, parts and annotations count where deltas or ends are missing', () => {
  const citation = { type: 'url_citation', url: 'u' }
  const response = collect(
    ev.created(),
    ev.toolCall('read'),
    ev.toolArgsDone('{}'),
    ev.added(item.message('', { ...open, content: [] }), 1),
    ev.partAdded(part.text(''), { outputIndex: 1 }),
    ev.annotation(citation, 0, { outputIndex: 1 }),
    ev.textDone('cited', { outputIndex: 1 }),
    ev.partDone(part.refusal('no'), { outputIndex: 1, partIndex: 1 }),
    ev.completed(),
  ).response()
  expect(response).toEqual(
    completed([
      item.functionCall('read', '{}'),
      item.message('', { content: [part.text('cited', [citation]), part.refusal('no')] }),
    ]),
  )
})

test('texts without an item make one, calls without a name do not', () => {
  const response = collect(
    ev.text('a'),
    ev.summary('b', { outputIndex: 1 }),
    ev.toolArgs('c', { outputIndex: 2 }),
  ).response()
  expect(response).toEqual({
    output: [
      {
        id: 'msg_1',
        type: 'message',
        status: 'in_progress',
        role: 'assistant',
        content: [{ type: 'output_text', annotations: [], text: 'a' }],
      },
      { id: 'rs_1', type: 'reasoning', summary: [part.summary('b')] },
    ],
  })
})

test('an item left open is completed, or incomplete, as its response is', () => {
  const begun = [ev.created(), ev.toolCall('read'), ev.toolArgs('{')]
  const status = (end: RawEvent) => (collect(...begun, end).response().output as JsonObject[])[0]?.status
  expect([status(ev.completed()), status(ev.incomplete())]).toEqual(['completed', 'incomplete'])
  expect(collect(...begun).items()).toEqual([{ index: 0, item: item.functionCall('read', '{', open), isDone: false }])
})

test('a finished item keeps its own text; deltas of one still open are not forgotten for it', () => {
  const collector = collect(
    ev.created(),
    ev.added(item.message('', { ...open, content: [] })),
    ev.text('open'),
    ev.toolArgs('ignored', { outputIndex: 1 }),
    ev.toolDone('read', '{}', 'call_1', { outputIndex: 1 }),
  )
  expect(collector.items()).toEqual([
    {
      index: 0,
      item: item.message('', { ...open, content: [{ type: 'output_text', annotations: [], text: 'open' }] }),
      isDone: false,
    },
    { index: 1, item: item.functionCall('read', '{}'), isDone: true },
  ])
})

test('asking twice gives the same, and changes no event', () => {
  const added = ev.added(item.message('', { ...open, content: [] }))
  const collector = collect(ev.created(), added, ev.text('a'))
  expect(collector.response()).toEqual(collector.response())
  expect(added).toEqual(ev.added(item.message('', { ...open, content: [] })))
})
