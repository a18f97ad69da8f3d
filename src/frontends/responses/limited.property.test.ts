import fc from 'fast-check'
import { encode } from 'gpt-tokenizer/encoding/o200k_base'
import { expect, test } from 'vitest'
import { ends, eventsOf, gaps, wholeStep, withGaps } from '../../../test/support/answers.ts'
import { lifecycleFaults } from '../../../test/support/lifecycle-rule.ts'
import { readBySdk, responsesStream } from '../../../test/support/responses-stream.ts'
import { arrayAt, objectAt, stringAt } from '../../lib/json.ts'
import type { RawEvent } from '../../simulator/events.ts'
import { type EventBatch, TurnEvent } from '../../turn/events.ts'
import { limitOutput } from '../../turn/limit-output.ts'

async function limited(events: readonly RawEvent[], maxOutputTokens: number): Promise<RawEvent[]> {
  async function* source(): AsyncGenerator<EventBatch> {
    for (const event of events) yield [TurnEvent.of(event)]
  }
  const out: TurnEvent[] = []
  for await (const batch of limitOutput(source(), { stop: [], maxOutputTokens })) {
    for (const part of batch) out.push(...(part instanceof TurnEvent ? [part] : part))
  }
  return responsesStream(out.map(({ type, fields }) => ({ ...fields, type })))
}

/** All that counts, in the order it was said. */
function countedText(events: readonly RawEvent[]): string {
  const counted = /^response\.(output_text|refusal|function_call_arguments|custom_tool_call_input)\.delta$/
  return events.map((event) => (counted.test(event.type) ? (stringAt(event, 'delta') ?? '') : '')).join('')
}

/** An item shows its beginning or its end: of others only the final event knows, which an answer cut short does not get. */
const knownGaps = gaps.map((left) => ({
  ...left,
  items: left.items.map((lacking) => lacking.filter((group) => group !== 'added' || !lacking.includes('item done'))),
}))

test('P-14: wherever the limit falls and whatever is left out, the stream is whole, ends as it must and says no more', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(wholeStep, { maxLength: 3 }),
      ends,
      knownGaps,
      fc.integer({ min: 1, max: 12 }),
      async (steps, end, left, limit) => {
        const events = withGaps(eventsOf(steps, end), left)
        const streamed = await limited(events, limit)
        expect(lifecycleFaults(streamed)).toEqual([])
        const response = objectAt(streamed.at(-1) ?? {}, 'response') ?? {}
        const text = countedText(streamed)
        expect(encode(text, { disallowedSpecial: new Set() }).length).toBeLessThanOrEqual(limit)
        const whole = countedText(responsesStream(events))
        expect(whole.startsWith(text)).toBe(true)
        if (text !== whole) expect(response).toMatchObject({ incomplete_details: { reason: 'max_output_tokens' } })
        const read = await readBySdk(streamed)
        expect([read.status, arrayAt(read, 'output')]).toEqual([response.status, arrayAt(response, 'output')])
      },
    ),
    { numRuns: 150 },
  )
})
