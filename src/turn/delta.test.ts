import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toBytes, toText } from '../lib/byte-string.ts'
import { DeltaReader, prefixed } from './delta.ts'
import { TurnEvent } from './events.ts'

const TYPE = 'response.output_text.delta'

const nasty = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '"delta":"x"',
    '\\"delta\\":\\"',
    '{"delta":"y"}',
    '\\',
    '\\\\"',
    '\u2028',
    '🙂',
    '"sequence_number":7,',
  ),
)
const id = fc.oneof({ weight: 3, arbitrary: fc.constantFrom('msg_1', 'msg_2') }, nasty)
const index = fc.integer({ min: 0, max: 2 })

/** Members in any order, with look-alikes, some missing, compact or spaced. */
const eventText = fc
  .record(
    {
      sequence_number: fc.nat(),
      item_id: id,
      output_index: index,
      content_index: index,
      delta: nasty,
      logprobs: fc.constantFrom([], [{ delta: 'no', output_index: 9 }]),
      obfuscation: nasty,
    },
    { requiredKeys: ['delta'] },
  )
  .chain((fields) => {
    const usual = fc.constant(Object.entries(fields))
    return fc.tuple(
      fc.oneof(usual, fc.shuffledSubarray(Object.entries(fields), { minLength: Object.keys(fields).length })),
      fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.constant(1)),
    )
  })
  .map(([entries, spaces]) => JSON.stringify(Object.fromEntries([['type', TYPE], ...entries]), null, spaces))

test('a delta and its place are what JSON.parse finds, whatever came before', () => {
  fc.assert(
    fc.property(fc.array(eventText, { minLength: 1, maxLength: 8 }), (texts) => {
      const reader = new DeltaReader()
      for (const text of texts) {
        const json = toBytes(text)
        const parsed = JSON.parse(toText(json))
        const { literal, place } = reader.read(new TurnEvent(TYPE, json))
        expect(JSON.parse(toText(literal))).toBe(parsed.delta)
        expect(place.slot).toBe(parsed.output_index ?? parsed.item_id ?? -1)
        expect(place.itemId).toBe(parsed.item_id ?? '')
        expect(place.partIndex).toBe(parsed.content_index ?? 0)
      }
    }),
    { numRuns: 1000 },
  )
})

test('the usual form is spliced: the literal keeps the bytes it came in', () => {
  const reader = new DeltaReader()
  const read = (sequence: number, literal: string) => {
    const head = `{"type":"${TYPE}","sequence_number":${sequence},"item_id":"m","output_index":0,"content_index":0`
    return reader.read(new TurnEvent(TYPE, toBytes(`${head},"delta":${literal},"logprobs":[]}`)))
  }
  const first = read(9, '"\\u00e9 \\/ é"')
  const second = read(10, '"\\ud83d\\ude42"')
  expect([toText(first.literal), toText(second.literal)]).toEqual(['"\\u00e9 \\/ é"', '"\\ud83d\\ude42"'])
  expect(second.place).toBe(first.place)
})

test('a delta that is no string is empty', () => {
  const event = TurnEvent.of({ type: TYPE, output_index: 0, delta: 5 })
  expect(new DeltaReader().read(event).literal).toBe('""')
})

test('text put before a literal is escaped', () => {
  expect(prefixed('\n"', toBytes('"a"'))).toBe('"\\n\\"a"')
})

test('a place that comes behind the delta is seen, also when the last event had none', () => {
  const reader = new DeltaReader()
  const slots = ['', ',"output_index":3', ',"item_id":"m"'].map((place) => {
    const json = toBytes(`{"type":"${TYPE}","sequence_number":1,"delta":"x"${place}}`)
    return reader.read(new TurnEvent(TYPE, json)).place.slot
  })
  expect(slots).toEqual([-1, 3, 'm'])
})

test('a place that stood behind the delta is not kept for the next event', () => {
  const reader = new DeltaReader()
  const slots = [',"item_id":"m"', ''].map((place) => {
    const json = toBytes(`{"type":"${TYPE}","sequence_number":1,"delta":"x"${place}}`)
    return reader.read(new TurnEvent(TYPE, json)).place.slot
  })
  expect(slots).toEqual(['m', -1])
})
