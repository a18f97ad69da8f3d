import { expect, test } from 'vitest'
import { QUICK_TRIALS } from '../faults/faults.ts'
import { runLane } from '../faults/lane.ts'

/** The short form of `npm run test:faults`. */
test.concurrent.each(['sse', 'websocket'] as const)(
  'S-06, S-07, S-09, W-04: faults between the gateway and the backend over %s, asked at every door',
  async (transport) => {
    const scenarios = ['text', 'tools']
    const doors = ['chat', 'responses', 'messages'] as const
    const { wrong, runs } = await runLane({ transport, doors, trials: QUICK_TRIALS, scenarios, leaves: true })
    expect(wrong).toEqual([])
    expect(runs).toBe(QUICK_TRIALS.length * doors.length * 2 * (scenarios.length + 1))
  },
  60_000,
)
