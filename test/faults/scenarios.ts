import type { ScenarioInput } from '../../src/simulator/scenario.ts'

/** What the backend says, and how much of it a client can see at most. */
export interface Told {
  readonly name: string
  readonly scenario: ScenarioInput
  readonly text: string
  readonly reasoning: string
  readonly callArguments: string
  /** False: the backend itself fails. */
  readonly succeeds: boolean
}

const TEXT = 'Grüße aus Köln — “quoted”, 中文, 🙂, and a line\nbreak: nothing of this may be lost or said twice.'
const SUMMARY = 'First the question is weighed, then the answer.'
const ARGUMENTS = JSON.stringify({ city: 'Köln', note: 'a “quoted” 🙂 value', days: [1, 2, 3] })
const FAILURE = { code: 'server_error', message: 'An error occurred.' }
/** Enough that a break is noticed before the answer has been handed over. */
const paced = { pace_ms: 2 }
const nothing = { text: '', reasoning: '', callArguments: '' }
const text = { text: TEXT, deltas: 12 }

export const SCENARIOS: readonly Told[] = [
  {
    ...nothing,
    name: 'text',
    scenario: { ...paced, stream: [{ created: true }, text, { completed: true }] },
    text: TEXT,
    succeeds: true,
  },
  {
    ...nothing,
    name: 'tools',
    scenario: {
      ...paced,
      stream: [
        { created: true },
        { tool_call: { name: 'weather', arguments: ARGUMENTS, deltas: 8 } },
        { completed: true },
      ],
    },
    callArguments: ARGUMENTS,
    succeeds: true,
  },
  {
    ...nothing,
    name: 'reasoning',
    scenario: {
      ...paced,
      stream: [
        { created: true },
        { reasoning: { summary: [SUMMARY], encrypted_content: 'gAAAAABsimulated' } },
        text,
        { completed: true },
      ],
    },
    text: TEXT,
    reasoning: SUMMARY,
    succeeds: true,
  },
  {
    ...nothing,
    name: 'error before output',
    scenario: { ...paced, stream: [{ created: true }, { failed: FAILURE }] },
    succeeds: false,
  },
  {
    ...nothing,
    name: 'error after output',
    scenario: { ...paced, stream: [{ created: true }, text, { failed: FAILURE }] },
    text: TEXT,
    succeeds: false,
  },
]
