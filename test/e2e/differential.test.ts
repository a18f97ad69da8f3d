import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RawEvent } from '../../src/simulator/events.ts'
import type { StepInput } from '../../src/simulator/scenario.ts'
import { ends, eventsOf, gaps, rawReasoning, wholeStep, withGaps } from '../support/answers.ts'
import { type Open, openGateway } from '../support/gateway.ts'
import { atEveryDoor, bothChats, bothMessages, type Played, responsesText } from '../support/played.ts'

const writes = fc.constantFrom(undefined, 7, 50, 500)
/**
 * What a stream can tell in time. An answer that never begins has an id of the gateway's own, another one each time; an
 * item that is told of at the very end alone comes last.
 */
const told = gaps.map((left) => ({
  ...left,
  created: false,
  inProgress: false,
  items: left.items.map((lacking) => lacking.filter((group) => group !== 'added' && group !== 'item done')),
}))
const steps = fc.array(fc.oneof(wholeStep, rawReasoning), { maxLength: 4 })

interface Kept extends Played {
  readonly about: string
  /** The stream can tell all in time, so both forms of the answer are the same. */
  readonly same: boolean
}

/** Each found once. */
const directory = join(import.meta.dirname, '..', 'fixtures', 'regressions')
const regressions = readdirSync(directory)
  .filter((name) => name.endsWith('.json'))
  .map((name) => ({ name, played: JSON.parse(readFileSync(join(directory, name), 'utf8')) as Kept }))

let gateway: Open
beforeAll(async () => {
  gateway = await openGateway({ logLevel: 'info' })
})
afterAll(() => gateway.close())

async function expectSameChats(played: Played): Promise<void> {
  const [streamed, whole] = await bothChats(gateway, played)
  expect(streamed).toEqual(whole)
}

async function expectSameMessages(played: Played): Promise<void> {
  const [streamed, whole] = await bothMessages(gateway, played)
  expect(streamed).toEqual(whole)
}

/** Messages carry arguments as JSON; what is none breaks the official client, which reads every piece of it. */
function withJson(step: StepInput): StepInput {
  const toJson = <T extends { arguments: unknown }>(call: T): T => ({ ...call, arguments: { text: call.arguments } })
  if ('tool_call' in step) return { ...step, tool_call: toJson(step.tool_call) }
  return 'parallel' in step ? { ...step, parallel: step.parallel.map(toJson) } : step
}

const TERMINALS = [
  /^data: \[DONE\]$/gm,
  /^data: {"type":"response\.(?:completed|incomplete|failed)"/gm,
  /^data: {"type":"message_stop"/gm,
]

/** One end at most, nothing behind it, and a good one only where the backend gave one. */
async function expectHonestEnds(played: Played): Promise<void> {
  const endsWell = played.events.some(({ type }) => /^response\.(?:completed|done|incomplete)$/.test(type))
  for (const { door, status, text } of await atEveryDoor(gateway, played)) {
    const about = `${door} ${status} ${text.slice(-300)}`
    expect(text, about).not.toContain('internal_error')
    if (status !== 200) continue
    const terminals = TERMINALS.flatMap((pattern) => [...text.matchAll(pattern)])
    expect(terminals.length, about).toBeLessThanOrEqual(1)
    const last = text.trimEnd().split('\n').at(-1) ?? ''
    const isGood = /^data: (?:\[DONE\]|{"type":"response\.(?:completed|incomplete)"|{"type":"message_stop")/.test(last)
    const isBad = /^data: {"(?:error":{|type":"(?:error"|response\.failed"))/.test(last)
    expect([isGood || isBad, about]).toEqual([true, about])
    if (isGood) expect([endsWell, about]).toEqual([true, about])
  }
}

test('T-30: a chat streamed and put together by the official client is the answer in one piece', async () => {
  await fc.assert(
    fc.asyncProperty(steps, ends, told, writes, async (answer, end, left, chunking) =>
      expectSameChats({ events: withGaps(eventsOf(answer, end), left), chunking }),
    ),
    { numRuns: 60 },
  )
})

test('T-30: so is a message', async () => {
  await fc.assert(
    fc.asyncProperty(steps, ends, told, writes, async (answer, end, left, chunking) =>
      expectSameMessages({ events: withGaps(eventsOf(answer.map(withJson), end), left), chunking }),
    ),
    { numRuns: 60 },
  )
})

test('R-04: a Responses stream is the backend’s byte for byte, however its bytes fall', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(wholeStep, { maxLength: 4 }), ends, writes, async (answer, end, chunking) => {
      const events = eventsOf(answer, end)
      const expected = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('')
      expect(await responsesText(gateway, { events, chunking })).toBe(expected)
    }),
    { numRuns: 100 },
  )
})

test('S-13: events in any order, some left out, some twice: one honest end at every door', async () => {
  const illegal = steps.chain((answer) => {
    const events = eventsOf(answer, { completed: true })
    const shuffled = fc.shuffledSubarray(events, { minLength: 1 })
    const doubled = fc.tuple(shuffled, fc.subarray(events)).map(([first, second]) => [...first, ...second])
    return fc.oneof(shuffled, doubled)
  })
  await fc.assert(
    fc.asyncProperty(illegal, writes, (events: RawEvent[], chunking) => expectHonestEnds({ events, chunking })),
    { numRuns: 100 },
  )
})

describe('kept regressions', () => {
  test.each(regressions)('$name', async ({ played }) => {
    await expectHonestEnds(played)
    if (played.same) await expectSameChats(played)
  })
})
