import fc from 'fast-check'
import { encode } from 'gpt-tokenizer/encoding/o200k_base'
import { expect, test } from 'vitest'
import { ev, item } from '../simulator/events.ts'
import { eventsOf } from './delta-run.ts'
import { type EventBatch, TurnEvent } from './events.ts'
import { limitOutput, type OutputLimits } from './limit-output.ts'

async function* streamOf(deltas: readonly string[]): AsyncGenerator<EventBatch> {
  yield [TurnEvent.of(ev.created()), TurnEvent.of(ev.added(item.message('', { status: 'in_progress', content: [] })))]
  for (const delta of deltas) yield [TurnEvent.of(ev.text(delta))]
  yield [TurnEvent.of(ev.done(item.message(deltas.join('')))), TurnEvent.of(ev.completed())]
}

async function run(deltas: readonly string[], limits: Partial<OutputLimits>) {
  const events: TurnEvent[] = []
  for await (const batch of limitOutput(streamOf(deltas), { stop: [], maxOutputTokens: undefined, ...limits }))
    events.push(...eventsOf(batch))
  const text = events.filter(({ type }) => type === 'response.output_text.delta').map(({ fields }) => fields.delta)
  return { text: text.join(''), last: events.at(-1)?.type, types: events.map(({ type }) => type) }
}

test('P-08: text ends right before the stop sequence, across deltas', async () => {
  const { text, types } = await run(['a E', 'N', 'D b'], { stop: ['END'] })
  expect(text).toBe('a ')
  expect(types.slice(-3)).toEqual(['response.output_text.delta', 'response.output_item.done', 'response.completed'])
})

test('P-09: what was held back for a sequence that never came is released', async () => {
  expect((await run(['ab', 'y'], { stop: ['x', 'yy'] })).text).toBe('aby')
})

test('P-12: at most N tokens, then response.incomplete', async () => {
  const { text, last } = await run(['one two three four', ' five six seven eight'], { maxOutputTokens: 5 })
  expect(encode(text)).toHaveLength(5)
  expect(last).toBe('response.incomplete')
})

test('P-13: a limit that is not reached changes nothing', async () => {
  const { text, last } = await run(['short'], { maxOutputTokens: 1000 })
  expect([text, last]).toEqual(['short', 'response.completed'])
})

test('any split of a text stops at the same place', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom('a', 'b', 'ab', 'ba', 'é', '🙂')),
      fc.array(fc.nat(6)),
      async (parts, sizes) => {
        const whole = parts.join('')
        const pieces: string[] = []
        for (let rest = whole, i = 0; rest !== ''; i += 1) {
          const size = (sizes[i % Math.max(sizes.length, 1)] ?? 1) + 1
          pieces.push(rest.slice(0, size))
          rest = rest.slice(size)
        }
        const stop = ['abb', 'ba🙂']
        const at = Math.min(
          ...stop.map((sequence) => (whole.includes(sequence) ? whole.indexOf(sequence) : whole.length)),
        )
        expect((await run(pieces, { stop })).text).toBe(whole.slice(0, at))
      },
    ),
  )
})

test('any split of a text stays within the token limit', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: 'grapheme', maxLength: 12 })),
      fc.integer({ min: 1, max: 30 }),
      async (pieces, limit) => {
        const { text } = await run(pieces, { maxOutputTokens: limit })
        expect(encode(text, { disallowedSpecial: new Set() }).length).toBeLessThanOrEqual(limit)
      },
    ),
    { numRuns: 50 },
  )
})

test('a limit far above the first deltas is still exact, whatever their escapes', async () => {
  const deltas = Array.from({ length: 40 }, (_, index) => `w${index} "☀"\n`)
  const { text, last } = await run(deltas, { maxOutputTokens: 150 })
  expect(deltas.join('').startsWith(text)).toBe(true)
  expect(encode(text)).toHaveLength(150)
  expect(last).toBe('response.incomplete')
})

test('the final response names the sequence that ended it', async () => {
  const events: TurnEvent[] = []
  const limits = { stop: ['yy', 'END'], maxOutputTokens: undefined }
  for await (const batch of limitOutput(streamOf(['a E', 'ND yy']), limits)) events.push(...eventsOf(batch))
  expect(events.at(-1)?.fields.response).toMatchObject({ status: 'completed', stop_sequence: 'END' })
})
