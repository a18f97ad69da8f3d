import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { TurnEvent } from '../../turn/events.ts'
import { SseDecoder } from './sse.ts'

const objects = [
  { type: 'response.created', response: { id: 'resp_1' } },
  { type: 'response.output_text.delta', delta: 'é “quoted” 中文 \u2028 line' },
  { type: 'response.output_text.delta', delta: '\r\n\r\n raw \\n "data: x" 🙂' },
  { other: 1, type: 'late.type' },
  { type: 'response.completed' },
]

function streamOf(newline: string): Buffer {
  const frames = objects.map((object) => `event: wrong${newline}data: ${JSON.stringify(object)}${newline}${newline}`)
  return Buffer.from(
    `: hello${newline}${newline}retry: 5${newline}${newline}${frames.join('')}data: [DONE]${newline}${newline}`,
  )
}

function decode(chunks: readonly Buffer[]): TurnEvent[] {
  const decoder = new SseDecoder()
  return [...chunks.flatMap((chunk) => decoder.push(chunk)), ...decoder.end()]
}

const seen = (events: readonly TurnEvent[]) => events.map((event) => ({ type: event.type, fields: event.fields }))
const expected = objects.map((object) => ({ type: object.type, fields: object }))

function splitAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const sorted = [0, ...cuts.toSorted((a, b) => a - b), bytes.length]
  return sorted.slice(1).map((end, i) => bytes.subarray(sorted[i], end))
}

for (const [name, newline] of [
  ['LF', '\n'],
  ['CRLF', '\r\n'],
  ['CR', '\r'],
] as const) {
  test(`T-14: ${name} streams give the same events at one byte a read`, () => {
    const bytes = streamOf(newline)
    expect(seen(decode([...bytes].map((byte) => Buffer.from([byte]))))).toEqual(expected)
  })

  test(`any split of a ${name} stream gives the same events and loses no byte`, () => {
    const bytes = streamOf(newline)
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
        const events = decode(splitAt(bytes, cuts))
        expect(seen(events)).toEqual(expected)
        const start = bytes.indexOf('event:')
        const frames = events.map((event) => event.frame).join('')
        expect(frames.trim()).toBe(bytes.subarray(start, bytes.indexOf('data: [DONE]')).toString('latin1').trim())
      }),
    )
  })
}

test('a byte order mark is skipped', () => {
  expect(seen(decode([Buffer.from('\ufeffdata: {"type":"a"}\n\n')]))).toEqual([{ type: 'a', fields: { type: 'a' } }])
})

test('several data lines are one text', () => {
  expect(seen(decode([Buffer.from('data: {"type":\ndata: "a"}\n\n')]))).toEqual([{ type: 'a', fields: { type: 'a' } }])
})

test('data that is no JSON object has no type', () => {
  expect(decode([Buffer.from('data: nonsense\n\ndata: [1]\n\n')]).map((event) => event.type)).toEqual(['', ''])
})

test('a last event without its blank line counts if it is whole', () => {
  expect(seen(decode([Buffer.from('data: {"type":"a"}')]))).toEqual([{ type: 'a', fields: { type: 'a' } }])
  expect(decode([Buffer.from('data: {"type":"a","tex')])).toEqual([])
})

test('S-11: an event of 10 MB in 1,000 reads arrives whole', () => {
  const json = JSON.stringify({ type: 'big', text: 'x'.repeat(10_000_000) })
  const bytes = Buffer.from(`data: ${json}\n\n`)
  const size = Math.ceil(bytes.length / 1000)
  const chunks = Array.from({ length: 1000 }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
  expect(decode(chunks).map((event) => event.json.length)).toEqual([json.length])
})

test('an event over 16 MiB is refused', () => {
  const decoder = new SseDecoder()
  expect(() => {
    for (let i = 0; i < 18; i += 1) decoder.push(Buffer.alloc(1024 * 1024, 'x'))
  }).toThrow('larger than 16 MiB')
})
