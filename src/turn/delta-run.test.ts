import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chatEncoder } from '../../test/support/chat-chunks.ts'
import { messagesEncoder } from '../../test/support/messages-events.ts'
import { SseDecoder } from '../backends/openai-codex/sse.ts'
import { parseResponsesRequest } from '../frontends/responses/request.ts'
import { ResponsesEncoder } from '../frontends/responses/stream.ts'
import { bytesOf, toBytes } from '../lib/byte-string.ts'
import { ev, item, numbered, type RawEvent } from '../simulator/events.ts'
import { ResponseCollector } from './collect.ts'
import { DeltaRun, eventsOf } from './delta-run.ts'
import type { EventBatch } from './events.ts'
import type { Encoder } from './frontend.ts'
import { limitOutput } from './limit-output.ts'

const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 6 }), fc.constantFrom('"', '\\', '\n\n'))
const place = fc.record({ outputIndex: fc.constantFrom(0, 1), partIndex: fc.constantFrom(0, 0, 1) })
const burst = fc
  .tuple(fc.array(text, { minLength: 1, maxLength: 6 }), place, fc.nat(5))
  .map(([texts, { outputIndex, partIndex }, kind]): RawEvent[] =>
    texts.map((delta) => {
      const at = { outputIndex, partIndex, itemId: `item_${outputIndex}` }
      if (kind === 0) return ev.refusal(delta, at)
      if (kind === 1) return ev.summary(delta, at)
      if (kind === 2) return ev.reasoningText(delta, at)
      if (kind === 3) return ev.toolArgs(delta, { ...at, outputIndex: 2, itemId: 'fc_1' })
      return ev.text(delta, at)
    }),
  )
const answer = fc.array(burst, { maxLength: 8 }).map((bursts) => {
  const open = ev.added(item.functionCall('f', '', { status: 'in_progress' }), 2)
  return numbered([ev.created(), open, ...bursts.flat(), ev.done(item.message('x'), 0), ev.completed()])
})

const frameOf = (event: RawEvent) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`

/** What the encoder makes of the events in runs, and what it makes of each by itself. */
function bothWays(events: readonly RawEvent[], create: () => Encoder): [string, string] {
  const batch = new SseDecoder().push(Buffer.from(events.map(frameOf).join('')))
  const single = create()
  return [
    create().push(batch),
    eventsOf(batch)
      .map((event) => single.push([event]))
      .join(''),
  ]
}

for (const display of ['summarized', 'omitted'] as const) {
  test(`runs and single events are the same message blocks (thinking: ${display})`, () => {
    fc.assert(
      fc.property(answer, (events) => {
        const fields = { thinking: { type: 'adaptive', display } }
        const [runs, singles] = bothWays(events, () => messagesEncoder({ fields }))
        expect(runs).toBe(singles)
      }),
    )
  })
}

test('a token limit lets the same through, whether deltas come in runs or one by one', async () => {
  await fc.assert(
    fc.asyncProperty(answer, fc.nat(400), async (events, limit) => {
      const batch = new SseDecoder().push(Buffer.from(events.map(frameOf).join('')))
      const limits = { stop: [], maxOutputTokens: limit + 1 }
      const through = async (parts: EventBatch) => {
        const out: string[] = []
        for await (const each of limitOutput(streamOf(parts), limits))
          out.push(...eventsOf(each).map(({ json }) => json))
        return out
      }
      expect(await through(batch)).toEqual(await through(eventsOf(batch)))
    }),
  )
})

async function* streamOf(batch: EventBatch): AsyncGenerator<EventBatch> {
  yield batch
}

for (const output of ['reasoning_content', 'think_tags', 'none'] as const) {
  test(`runs and single events are the same chat chunks (reasoning: ${output})`, () => {
    fc.assert(
      fc.property(answer, (events) => {
        const [runs, singles] = bothWays(events, () => chatEncoder({ layer: { reasoning_output: output } }))
        expect(runs).toBe(singles)
      }),
    )
  })
}

test('a relayed run is what came, and counts as the text of its item', () => {
  const turn = parseResponsesRequest({ model: 'm', input: 'x' }, { headers: {}, keyId: '' })
  fc.assert(
    fc.property(answer, (events) => {
      const [runs, singles] = bothWays(events, () => new ResponsesEncoder(turn))
      expect(runs).toBe(singles)
      const deltas = events.filter(({ type }) => type.endsWith('.delta'))
      for (const event of deltas) expect(runs).toContain(toBytes(frameOf(event)))
    }),
  )
})

test('what is collected does not depend on runs either', () => {
  fc.assert(
    fc.property(answer, (events) => {
      const batch = new SseDecoder().push(Buffer.from(events.slice(0, -2).map(frameOf).join('')))
      const [runs, singles] = [new ResponseCollector(), new ResponseCollector()]
      for (const part of batch) runs.push(part)
      for (const event of eventsOf(batch)) singles.push(event)
      expect(runs.response()).toEqual(singles.response())
    }),
  )
})

test('a delta without its closing quote is empty, and does not reach into the next event', () => {
  const frames = [1, 2].map((sequence) => frameOf({ ...ev.text('ab'), sequence_number: sequence }))
  const broken = frames[1]?.replace('"ab"', '"ab') ?? ''
  const parts = new SseDecoder().push(Buffer.from(frames[0] + broken + frames[1]))
  const literals = parts.flatMap((part) => (part instanceof DeltaRun ? part.literals() : []))
  expect(literals.filter((literal) => literal.includes('\n'))).toEqual([])
  expect(eventsOf(parts).map(({ frame }) => frame)).toEqual(
    [frames[0], broken, frames[1]].map((frame) => bytesOf(Buffer.from(frame ?? ''))),
  )
})
