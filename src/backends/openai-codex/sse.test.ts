import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toText } from '../../lib/byte-string.ts'
import { DeltaRun, eventsOf } from '../../turn/delta-run.ts'
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
  return eventsOf([...chunks.flatMap((chunk) => decoder.push(chunk)), ...decoder.end()])
}

const seen = (events: readonly TurnEvent[]) => events.map((event) => ({ type: event.type, fields: event.fields }))
const expected = objects.map((object) => ({ type: object.type, fields: object }))

function splitAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const sorted = [0, ...cuts.toSorted((a, b) => a - b), bytes.length]
  return sorted.slice(1).map((end, i) => bytes.subarray(sorted[i], end))
}

const toLf = (text: string) => text.replaceAll(/\r\n|\r/g, '\n')

for (const [name, newline] of [
  ['LF', '\n'],
  ['CRLF', '\r\n'],
  ['CR', '\r'],
] as const) {
  test(`T-14: ${name} streams give the same events at one byte a read`, () => {
    const bytes = streamOf(newline)
    expect(seen(decode([...bytes].map((byte) => Buffer.from([byte]))))).toEqual(expected)
  })

  test(`any split of a ${name} stream gives the same events and the same frames`, () => {
    const bytes = streamOf(newline)
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
        const events = decode(splitAt(bytes, cuts))
        expect(seen(events)).toEqual(expected)
        const start = bytes.indexOf('event:')
        // Only the LF of a CRLF may get lost, where a split shows the CR alone: that is a line end as well.
        const frames = toLf(events.map((event) => event.frame).join(''))
        expect(frames).toBe(toLf(bytes.subarray(start, bytes.indexOf('data: [DONE]')).toString('latin1')))
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

test('comments and stray line ends are in no frame', () => {
  const frame = 'data: {"type":"a"}\n\n'
  const events = decode([Buffer.from(`: hello\n\n\n\n:\n: there\n${frame}\n${frame}`)])
  expect(events.map((event) => event.frame)).toEqual([frame, frame])
})

test('line ends may differ within a stream, and fields may follow the data', () => {
  const text = 'data: {"type":"a"}\r\n\ndata:{"type":"b"}\n\revent: x\rdata: {"type":"c"}\nid: 7\n\n'
  expect(decode([Buffer.from(text)]).map((event) => event.type)).toEqual(['a', 'b', 'c'])
  expect(decode([...Buffer.from(text)].map((byte) => Buffer.from([byte]))).map((event) => event.type)).toEqual([
    'a',
    'b',
    'c',
  ])
})

test('the JSON type counts, wherever it stands and whatever the event line says', () => {
  const text = 'event: other\ndata: { "x": {"type":"inner"}, "type" : "outer" }\n\n'
  expect(decode([Buffer.from(text)]).map((event) => event.type)).toEqual(['outer'])
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

test('an event of many CRLF lines costs no more than its bytes', () => {
  const line = Buffer.from(`data: ${'1'.repeat(9_990)},\r\n`)
  const decoder = new SseDecoder()
  const startedAtMs = performance.now()
  decoder.push(Buffer.from('data: {"type":"big","list":[\r\n'))
  for (let i = 0; i < 1000; i += 1) decoder.push(line)
  const events = decoder.push(Buffer.from('data: 1]}\r\n\r\n'))
  expect(events.map((event) => event.type)).toEqual(['big'])
  expect(performance.now() - startedAtMs).toBeLessThan(1500)
})

test('an event over 16 MiB is refused', () => {
  const decoder = new SseDecoder()
  expect(() => {
    for (let i = 0; i < 18; i += 1) decoder.push(Buffer.alloc(1024 * 1024, 'x'))
  }).toThrow('larger than 16 MiB')
})

const kinds = ['response.output_text.delta', 'response.reasoning_text.delta', 'response.output_item.done', 'odd.delta']
const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\n\nevent: x', 'data: {"type":"y"}', '\\', '"'))
const orders = [
  ['type', 'sequence_number', 'item_id', 'output_index', 'content_index', 'delta', 'logprobs', 'obfuscation'],
  ['type', 'content_index', 'delta', 'item_id', 'logprobs', 'obfuscation', 'output_index', 'sequence_number'],
  ['delta', 'item_id', 'type', 'output_index', 'content_index', 'sequence_number'],
  ['type', 'delta', 'output_index'],
]
const member = fc
  .record({
    type: fc.constantFrom(...kinds, ...Array<string>(8).fill('response.output_text.delta')),
    sequence_number: fc.nat(2000),
    item_id: fc.constantFrom('msg_1', 'msg_1', 'msg_1', 'msg_2', 'm"'),
    output_index: fc.constantFrom(0, 0, 0, 1, 10),
    content_index: fc.constantFrom(0, 0, 0, 1),
    delta: text,
    logprobs: fc.constantFrom([], [], [], [{ delta: 'no', output_index: 9 }]),
    obfuscation: text,
  })
  .chain((fields) =>
    fc.constantFrom(...orders, orders[0] ?? [], orders[1] ?? []).map((order) => {
      const entries: [string, unknown][] = Object.entries(fields)
      const sorted = order.flatMap((key) => entries.filter(([name]) => name === key))
      return { type: fields.type, ...Object.fromEntries(sorted) } as typeof fields
    }),
  )
const form = fc.constantFrom(
  ...Array<string>(12).fill('event: T\ndata: J\n\n'),
  'data: J\n\n',
  'event: T\ndata: J\nid: 7\n\n',
  'event: T\ndata: J\r\n\r\n',
  ': comment\n\nevent: T\ndata: J\n\n',
)

test('runs of deltas are the events that one look at each would find, whatever comes between and however it is split', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(member, form), { maxLength: 30 }), fc.array(fc.nat(4000)), (frames, cuts) => {
      const texts = frames.map(([fields, framing]) =>
        framing.replace('T', fields.type).replace('J', () => JSON.stringify(fields)),
      )
      const bytes = Buffer.from(texts.join(''))
      const pieces = splitAt(
        bytes,
        cuts.map((cut) => Math.min(cut, bytes.length)),
      )
      const decoder = new SseDecoder()
      const batch = [...pieces.flatMap((piece) => decoder.push(piece)), ...decoder.end()]
      for (const part of batch) {
        if (!(part instanceof DeltaRun)) continue
        const fields = [...part].map((event) => event.fields)
        expect(part.literals().map((literal) => JSON.parse(toText(literal)))).toEqual(fields.map(({ delta }) => delta))
        const { outputIndex, itemId, partIndex } = part.place
        for (const each of fields) expect(each).toMatchObject({ output_index: outputIndex, item_id: itemId })
        for (const each of fields) expect(each.content_index).toBe(partIndex)
      }
      const events = eventsOf(batch)
      expect(events.map(({ type, fields }) => ({ type, fields }))).toEqual(
        frames.map(([fields]) => ({ type: fields.type, fields })),
      )
      const sent = bytes.toString('latin1').replaceAll(': comment\n\n', '')
      expect(toLf(events.map(({ frame }) => frame).join(''))).toBe(toLf(sent))
    }),
    { numRuns: 500 },
  )
})

test('deltas of one part behind each other come as one run, in either order of members', () => {
  for (const order of orders.slice(0, 2)) {
    const decoder = new SseDecoder()
    const fields: Record<string, unknown> = {
      type: kinds[0],
      item_id: 'm',
      output_index: 3,
      content_index: 1,
      logprobs: [],
    }
    const frame = (delta: string, sequence: number, index = 3) => {
      const all = {
        ...fields,
        delta,
        output_index: index,
        sequence_number: sequence,
        obfuscation: 'x'.repeat(sequence),
      }
      return `event: ${kinds[0]}\ndata: ${JSON.stringify(all, order)}\n\n`
    }
    const bytes = frame('a', 9) + frame('b"', 10) + frame('c', 11) + frame('d', 12, 4)
    const parts = decoder.push(Buffer.from(bytes))
    expect(parts.map((part) => (part instanceof DeltaRun ? part.literals() : part.type))).toEqual([
      kinds[0],
      ['"b\\""', '"c"'],
      kinds[0],
    ])
    const run = parts.find((part) => part instanceof DeltaRun)
    expect([run?.place, run?.last().fields.delta]).toEqual([{ outputIndex: 3, itemId: 'm', partIndex: 1 }, 'c'])
  }
})
