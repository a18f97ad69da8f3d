import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BUILTIN_SCENARIO_NAMES, findBuiltinScenario } from './builtin-scenarios.ts'
import type { RawEvent } from './events.ts'
import { expandScenario, type Operation } from './expand-scenario.ts'
import { parseScenario, type ScenarioInput } from './scenario.ts'

function expand(stream: NonNullable<ScenarioInput['stream']>): Operation[] {
  let count = 0
  const newId = (prefix: string) => {
    count += 1
    return `${prefix}${count}`
  }
  return [...expandScenario(parseScenario({ stream }).stream ?? [], { model: 'm', newId })]
}

function eventsOf(stream: NonNullable<ScenarioInput['stream']>): RawEvent[] {
  return expand(stream).flatMap((operation) => (operation.kind === 'event' ? [operation.event] : []))
}

function typesOf(stream: NonNullable<ScenarioInput['stream']>): string[] {
  return eventsOf(stream).map(({ type }) => type.replace('response.', ''))
}

test('text becomes the whole documented sequence, numbered from 0', () => {
  const events = eventsOf([{ created: true }, { text: 'Good day', phase: 'final_answer' }, { completed: true }])
  expect(events.map(({ type }) => type)).toEqual([
    'response.created',
    'response.in_progress',
    'response.output_item.added',
    'response.content_part.added',
    'response.output_text.delta',
    'response.output_text.delta',
    'response.output_text.done',
    'response.content_part.done',
    'response.output_item.done',
    'response.completed',
  ])
  expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, index) => index))
  const message = {
    id: 'msg_2',
    type: 'message',
    status: 'completed',
    role: 'assistant',
    phase: 'final_answer',
    content: [{ type: 'output_text', annotations: [], logprobs: [], text: 'Good day' }],
  }
  expect(events.at(-2)).toEqual({
    type: 'response.output_item.done',
    sequence_number: 8,
    output_index: 0,
    item: message,
  })
  expect(events.at(-1)).toMatchObject({ response: { output: [message] } })
})

test('`say` is a whole turn', () => {
  expect(typesOf([{ say: 'Hi' }])).toEqual(typesOf([{ created: true }, { text: 'Hi' }, { completed: true }]))
})

test('deltas: a number of pieces, the pieces themselves, or none at all', () => {
  const deltas = (stream: NonNullable<ScenarioInput['stream']>) =>
    eventsOf(stream).flatMap(({ type, delta }) => (type.endsWith('.delta') ? [delta] : []))
  expect(deltas([{ text: 'abcdef', deltas: 3 }])).toEqual(['ab', 'cd', 'ef'])
  expect(deltas([{ text: 'ab', deltas: ['a', 'b'] }])).toEqual(['a', 'b'])
  expect(deltas([{ tool_call: { name: 'f', arguments: '{"a":1}', deltas: 2 } }])).toEqual(['{"a"', ':1}'])
  expect(deltas([{ tool_call: { name: 'f', arguments: {}, delta_less: true } }])).toEqual([])
})

test('deltas always join to the text and never split a character', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 20 }), (text, count) => {
      const pieces = eventsOf([{ text, deltas: count }]).flatMap(({ type, delta }) =>
        type === 'response.output_text.delta' ? [String(delta)] : [],
      )
      expect(pieces.join('')).toBe(text)
      expect(pieces.every((piece) => piece.isWellFormed())).toBe(text.isWellFormed())
    }),
  )
})

test('parallel calls come one after another, or interleaved', () => {
  const parallel = [
    { name: 'f', arguments: 'ab', deltas: 2, call_id: 'call_f' },
    { name: 'g', arguments: 'cd', deltas: 2, call_id: 'call_g' },
  ]
  const places = (interleave: boolean) =>
    eventsOf([{ parallel, interleave }]).map(({ type, output_index: index }) => `${type.split('.').at(-1)}${index}`)
  expect(places(false)).toEqual([
    ...['added0', 'delta0', 'delta0', 'done0', 'done0'],
    ...['added1', 'delta1', 'delta1', 'done1', 'done1'],
  ])
  expect(places(true)).toEqual([
    ...['added0', 'added1', 'delta0', 'delta1', 'delta0', 'delta1'],
    ...['done0', 'done0', 'done1', 'done1'],
  ])
})

test('reasoning, refusal, custom calls and searches end in their finished items', () => {
  const items = eventsOf([
    { reasoning: { summary: ['a', 'b'], encrypted_content: 'gAAA' } },
    { refusal: 'No.' },
    { custom_tool_call: { name: 'exec', input: 'x', call_id: 'call_1' } },
    { web_search_call: { query: 'q' } },
    { item: { type: 'compaction', encrypted_content: 'z' } },
  ]).flatMap(({ type, item }) => (type === 'response.output_item.done' ? [item] : []))
  expect(items).toEqual([
    {
      id: 'rs_2',
      type: 'reasoning',
      summary: [
        { type: 'summary_text', text: 'a' },
        { type: 'summary_text', text: 'b' },
      ],
      encrypted_content: 'gAAA',
    },
    {
      id: 'msg_3',
      type: 'message',
      status: 'completed',
      role: 'assistant',
      content: [{ type: 'refusal', refusal: 'No.' }],
    },
    { id: 'ctc_4', type: 'custom_tool_call', status: 'completed', call_id: 'call_1', name: 'exec', input: 'x' },
    { id: 'ws_5', type: 'web_search_call', status: 'completed', action: { type: 'search', query: 'q' } },
    { type: 'compaction', encrypted_content: 'z' },
  ])
})

test('endings: other names, an empty output, no usage, failures', () => {
  const [last] = eventsOf([{ completed: { as: 'response.done', output: 'empty', usage: null } }])
  expect(last).toMatchObject({ type: 'response.done', response: { output: [], usage: null } })
  expect(eventsOf([{ incomplete: { reason: 'content_filter' } }])[0]?.response).toMatchObject({
    status: 'incomplete',
    incomplete_details: { reason: 'content_filter' },
  })
  expect(eventsOf([{ failed: null }])[0]?.response).toMatchObject({ status: 'failed', error: null })
  expect(eventsOf([{ error: { code: 'x' } }])).toEqual([{ type: 'error', sequence_number: 0, code: 'x' }])
})

test('raw events, text, pauses and shorthands pass through as they are', () => {
  const event = { type: 'response.x', a: 1 }
  expect(
    expand([{ event }, event, { raw: 'data: ' }, '[DONE]', { pause_ms: 5 }, { pauseMs: 6 }, { comment: 'c' }]),
  ).toEqual([
    { kind: 'event', event },
    { kind: 'event', event },
    { kind: 'raw', text: 'data: ' },
    { kind: 'raw', text: '[DONE]' },
    { kind: 'pause', ms: 5 },
    { kind: 'pause', ms: 6 },
    { kind: 'comment', text: 'c' },
  ])
})

test('a mistake is reported with its place', () => {
  expect(() => parseScenario({ stream: [{ text: 5 }], stats: 1 }, 'scenarios[0]')).toThrow(
    /scenarios\[0\]\.stream\.0\.text/,
  )
  expect(() => parseScenario({ stream: [{ texts: 'x' }] })).toThrow(/stream\.0: a step is one of: event, raw/)
  expect(() => parseScenario({ stats: 1 })).toThrow(/stats/)
})

test('every built-in scenario is well-formed', () => {
  for (const name of BUILTIN_SCENARIO_NAMES) {
    const scenario = findBuiltinScenario(name) ?? {}
    expect(() => expand(parseScenario(scenario, name).stream ?? []), name).not.toThrow()
  }
})
