/**
 * Every fault between the gateway and the backend × what the backend says × both upstream transports × the three doors,
 * streamed and not, with clients that stay and clients that leave; each run is held to the rules of test/faults/judge.ts.
 * The short form of it is part of `npm test`.
 *
 * `--only TEXT`: the faults whose name contains it; `--verbose`: a line for each fault.
 */
import { parseArgs } from 'node:util'
import { TLS_TRIALS, TRIALS, type Trial } from '../test/faults/faults.ts'
import { type LaneOptions, type LaneResult, runLane } from '../test/faults/lane.ts'

const { values: flags } = parseArgs({
  options: { only: { type: 'string', default: '' }, verbose: { type: 'boolean', default: false } },
})
const chosen = (trials: readonly Trial[]) => trials.filter(({ name }) => name.includes(flags.only))

const lanes: LaneOptions[] = (['sse', 'websocket'] as const).flatMap((transport) => [
  ...(['chat', 'responses', 'messages'] as const).map((door) => ({
    transport,
    doors: [door],
    trials: chosen(TRIALS),
    leaves: true,
  })),
  // What is wrong below TLS is the same at every door.
  { transport, isTls: true, doors: ['chat'], trials: chosen(TLS_TRIALS), scenarios: ['text', 'tools'] },
])

const startedAtMs = Date.now()
const results = await Promise.all(lanes.map(run))
const wrong = results.flatMap((result) => result.wrong)
const runs = results.reduce((sum, result) => sum + result.runs, 0)
for (const line of wrong) console.log(` ✗ ${line}`)
console.log(`${runs} runs, ${wrong.length} wrong, ${Math.round((Date.now() - startedAtMs) / 1000)} s`)
process.exit(wrong.length === 0 ? 0 : 1)

async function run(lane: LaneOptions): Promise<LaneResult> {
  const name = `${lane.transport}, ${lane.isTls === true ? 'TLS' : lane.doors.join(', ')}`
  let at = Date.now()
  const onTrial = (trial: string, count: number) => {
    if (flags.verbose) console.log(`${name}: ${trial}: ${count} runs, ${Date.now() - at} ms`)
    at = Date.now()
  }
  const result = await runLane({ ...lane, onTrial })
  const growth = (result.memoryGrowthBytes / 1024 / 1024).toFixed(1)
  console.log(` ${result.wrong.length === 0 ? '✓' : '✗'} ${name}: ${result.runs} runs, memory grew by ${growth} MiB`)
  return result
}
