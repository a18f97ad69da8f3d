import fc from 'fast-check'
import { numberAt, objectAt } from '../../src/lib/json.ts'
import type { RawEvent } from '../../src/simulator/events.ts'
import { expandScenario } from '../../src/simulator/expand-scenario.ts'
import { parseScenario, type StepInput } from '../../src/simulator/scenario.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 30 })
const call = fc.record({
  name: fc.constantFrom('read', 'write'),
  arguments: text,
  deltas: fc.integer({ min: 1, max: 4 }),
})
const citation = { type: 'url_citation', url: 'https://example.com', title: 'x', start_index: 0, end_index: 1 }

/** Steps whose events the backend sends whole. */
export const wholeStep: fc.Arbitrary<StepInput> = fc.oneof(
  fc.record({ text, deltas: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ text, annotations: fc.array(fc.constant({ ...citation }), { maxLength: 2 }) }),
  fc.record({ refusal: text }),
  fc.record({
    reasoning: fc.record({ summary: fc.array(text, { maxLength: 3 }), encrypted_content: fc.constant('gAAA') }),
  }),
  fc.record({ tool_call: call }),
  fc.record({ custom_tool_call: fc.record({ name: fc.constant('patch'), input: text }) }),
  fc.record({ parallel: fc.array(call, { minLength: 2, maxLength: 3 }), interleave: fc.boolean() }),
  fc.record({ web_search_call: fc.record({ query: text }) }),
  fc.record({ item: fc.record({ id: fc.uuid(), type: fc.constant('compaction'), encrypted_content: text }) }),
)

/** Raw reasoning has no part events in the simulator. */
export const rawReasoning: fc.Arbitrary<StepInput> = fc.record({
  reasoning: fc.record({ summary: fc.array(text, { maxLength: 1 }), text }),
})

const GROUPS = ['added', 'part added', 'delta', 'text done', 'part done', 'item done'] as const
type Group = (typeof GROUPS)[number]

/** What the backend leaves out of one answer. */
export interface Gaps {
  readonly created: boolean
  readonly inProgress: boolean
  /** The final event's output is there or empty. */
  readonly output: 'full' | 'empty'
  /** By output index, cyclic. */
  readonly items: readonly (readonly Group[])[]
}

export const gaps: fc.Arbitrary<Gaps> = fc.record({
  created: fc.boolean(),
  inProgress: fc.boolean(),
  output: fc.constantFrom('full', 'empty'),
  items: fc.array(fc.subarray([...GROUPS]), { minLength: 1, maxLength: 4 }),
})

/** Sizes of network reads; runs of deltas pass as one. */
export const reads = fc.constantFrom(undefined, 50, 500, 5000)

function groupOf({ type }: RawEvent): Group | undefined {
  if (type === 'response.output_item.added') return 'added'
  if (type === 'response.output_item.done') return 'item done'
  if (type.endsWith('_part.added')) return 'part added'
  if (type.endsWith('_part.done')) return 'part done'
  if (type.endsWith('.delta')) return 'delta'
  return /_(text|arguments|input)\.done$|refusal\.done$/.test(type) ? 'text done' : undefined
}

export function eventsOf(steps: readonly StepInput[], end: StepInput): RawEvent[] {
  const { stream = [] } = parseScenario({ stream: [{ created: true }, ...steps, end] })
  let count = 0
  const newId = (prefix: string) => {
    count += 1
    return prefix + count
  }
  return [...expandScenario(stream, { model: 'gpt-5.5', newId })].flatMap((operation) =>
    operation.kind === 'event' ? [operation.event] : [],
  )
}

/** Without an end of its own and without a final output, an item is what the rest tells: enough of it must stay. */
function mayLack(group: Group, lacking: readonly Group[], event: RawEvent, { output }: Gaps): boolean {
  if (output === 'full' || !lacking.includes('item done')) return true
  return group === 'item done'
    ? !/compaction|web_search/.test(JSON.stringify(event))
    : group !== 'added' && group !== 'delta'
}

export function withGaps(events: readonly RawEvent[], left: Gaps): RawEvent[] {
  return events.flatMap((event) => {
    if (event.type === 'response.created') return left.created ? [] : [event]
    if (event.type === 'response.in_progress') return left.inProgress ? [] : [event]
    const response = objectAt(event, 'response')
    if (response !== undefined)
      return [left.output === 'full' ? event : { ...event, response: { ...response, output: [] } }]
    const lacking = left.items[(numberAt(event, 'output_index') ?? 0) % left.items.length] ?? []
    const group = groupOf(event)
    return group !== undefined && lacking.includes(group) && mayLack(group, lacking, event, left) ? [] : [event]
  })
}

export const ends: fc.Arbitrary<StepInput> = fc.constantFrom<StepInput>(
  { completed: true },
  { incomplete: { reason: 'max_output_tokens' } },
)
