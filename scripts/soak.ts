/**
 * Mixed traffic with faults against a gateway process of its own: three doors, text, reasoning and tools, both upstream
 * transports, clients that leave, connections that break. `--minutes N` (5 unless said), `--concurrency N` (8).
 * Ends with a table for docs/reliability.md; fails on a lost request, a broken rule, or growth.
 */
import { parseArgs } from 'node:util'
import { type Sample, soak } from '../test/faults/soak.ts'

const { values: flags } = parseArgs({
  options: { minutes: { type: 'string', default: '5' }, concurrency: { type: 'string', default: '8' } },
})
const MAX_GROWTH = 1.2
/** Idle WebSockets that wait for the next turn, and what was open at the start. */
const MAX_DESCRIPTORS_AT_REST = 64

console.log('| seconds | requests | answered | clients left | failed by a fault | lost | resident MiB | descriptors |')
console.log('|--:|--:|--:|--:|--:|--:|--:|--:|')
let nextRowS = 30
const { samples, atRest, complaints } = await soak({
  minutes: Number(flags.minutes),
  concurrency: Number(flags.concurrency),
  onSample(sample) {
    if (sample.seconds < nextRowS) return
    nextRowS += 30
    console.log(row(sample))
  },
})
console.log(`${row(atRest)} (at rest)`)
for (const line of complaints) console.log(` ✗ ${line}`)

const [early, late] = [meanResident(0.25, 0.5), meanResident(0.75, 1)]
const { lost, wrong, blows, descriptors } = atRest
console.log(`connections broken: ${blows}; rules broken: ${wrong}; lost: ${lost}`)
console.log(`resident MiB, mean of the second quarter ${early.toFixed(0)}, of the last ${late.toFixed(0)}`)
const isGood = lost === 0 && wrong === 0 && late <= early * MAX_GROWTH && descriptors <= MAX_DESCRIPTORS_AT_REST
process.exit(isGood ? 0 : 1)

function row(sample: Sample): string {
  const { seconds, requests, answered, left, faulted, lost: gone, residentMiB, descriptors: open } = sample
  return `| ${[seconds, requests, answered, left, faulted, gone, residentMiB, open].join(' | ')} |`
}

function meanResident(from: number, to: number): number {
  const part = samples.slice(Math.floor(samples.length * from), Math.ceil(samples.length * to))
  return part.reduce((sum, { residentMiB }) => sum + residentMiB, 0) / Math.max(part.length, 1)
}
