import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ends, eventsOf, gaps, rawReasoning, reads, wholeStep, withGaps } from '../../../test/support/answers.ts'
import { lifecycleFaults } from '../../../test/support/lifecycle-rule.ts'
import { readBySdk, responsesStream, wholeResponse } from '../../../test/support/responses-stream.ts'
import { arrayAt, type JsonObject, objectAt } from '../../lib/json.ts'

function withoutId({ id: _id, created_at: _at, ...rest }: JsonObject): JsonObject {
  return rest
}

test('R-04: a complete stream passes untouched', () => {
  fc.assert(
    fc.property(fc.array(wholeStep, { maxLength: 4 }), ends, reads, (steps, end, readBytes) => {
      const events = eventsOf(steps, end)
      expect(responsesStream(events, readBytes)).toEqual(events)
    }),
  )
})

test('R-12: whatever the backend leaves out, the stream is whole, and the SDK reads from it what an answer in one piece holds', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(wholeStep, rawReasoning), { maxLength: 4 }),
      ends,
      gaps,
      reads,
      async (steps, end, left, readBytes) => {
        const full = eventsOf(steps, end)
        const events = withGaps(full, left)
        const streamed = responsesStream(events, readBytes)
        expect(lifecycleFaults(streamed)).toEqual([])

        const whole = wholeResponse(events)
        const read = await readBySdk(streamed)
        expect(withoutId(read)).toEqual(withoutId(whole))
        if (!left.created || !left.inProgress) expect(read.id).toBe(whole.id)
        // Nothing of the answer is lost: deltas and ends say all that the finished items say.
        const meant = objectAt(full.at(-1) ?? {}, 'response') ?? {}
        expect(arrayAt(whole, 'output')?.map(textOf)).toEqual(arrayAt(meant, 'output')?.map(textOf))
      },
    ),
    { numRuns: 200 },
  )
})

/** All texts of an item; an empty one may have left no trace. */
function textOf(item: unknown): string[] {
  const found = JSON.stringify(item).matchAll(/"(?:text|refusal|arguments|input|call_id)":"((?:[^"\\]|\\.)*)"/g)
  return [...found].map(([, inside]) => inside ?? '').filter((inside) => inside !== '')
}
