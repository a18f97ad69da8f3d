import { Agent } from 'node:http'
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { chatBody } from './bodies.ts'
import { post } from './load.ts'
import { median, PACE_MS, type Row, type Scenario } from './scenario.ts'
import { CODEXWAY, DIRECT, PIPE, type Target } from './targets.ts'

const STREAMS = 200
const SERIAL_STREAMS = 20

interface Timing {
  /** From the request to its first delta, µs. */
  readonly first: RecordableHistogram
  /** How far the time between two deltas is from the pace, µs. */
  readonly jitter: RecordableHistogram
}

/** Many streams at once with a delta every 20 ms: what a target adds to the first one, and how evenly the rest comes. */
export const paced: Scenario = {
  name: 'paced',
  async run(targets, { rounds }) {
    const timings = new Map<string, Timing[]>(targets.map(({ name }) => [name, []]))
    for (const target of targets) await runStreams(target, 20)
    for (let round = 0; round < Math.min(rounds, 3); round += 1) {
      for (const target of targets) timings.get(target.name)?.push(await runStreams(target, STREAMS))
    }
    const name = `paced (${STREAMS} at once)`
    return [
      addedRow(name, 'first delta, added ms p50', timings, 50, '≤ 1.5 ms'),
      addedRow(name, 'first delta, added ms p99', timings, 99, '≤ 2 × the pipe'),
      jitterRow(name, timings),
    ]
  },
}

/** The same without company. */
export const serial: Scenario = {
  name: 'serial',
  async run(targets, { rounds }) {
    const timings = new Map<string, Timing[]>(targets.map(({ name }) => [name, []]))
    for (let round = 0; round < rounds; round += 1) {
      for (const target of targets) timings.get(target.name)?.push(await runSerial(target))
    }
    return [addedRow('one at a time', 'first delta, added ms p50', timings, 50, '≤ 0.6 ms')]
  },
}

/** Beyond what the upstream itself needs for it. */
function addedRow(
  scenario: string,
  measure: string,
  timings: ReadonlyMap<string, readonly Timing[]>,
  percentile: number,
  goal: string,
): Row {
  const ms = (name: string) => median((timings.get(name) ?? []).map(({ first }) => first.percentile(percentile) / 1000))
  const added = (name: string) => ms(name) - ms(DIRECT)
  const names = [...timings.keys()].filter((name) => name !== DIRECT)
  const values = Object.fromEntries(names.map((name) => [name, added(name)]))
  return { scenario, measure, values: { ...values, [DIRECT]: ms(DIRECT) }, ratio: added(CODEXWAY) / added(PIPE), goal }
}

function jitterRow(scenario: string, timings: ReadonlyMap<string, readonly Timing[]>): Row {
  const p99 = (name: string) => median((timings.get(name) ?? []).map(({ jitter }) => jitter.percentile(99) / 1000))
  const values = Object.fromEntries([...timings.keys()].map((name) => [name, p99(name)]))
  return { scenario, measure: 'jitter between deltas, ms p99', values, ratio: p99(CODEXWAY) / p99(PIPE) }
}

async function runStreams(target: Target, count: number): Promise<Timing> {
  const timing = { first: createHistogram(), jitter: createHistogram() }
  const agent = new Agent({ keepAlive: true })
  // Spread over one pace, as independent clients are.
  const streams = Array.from({ length: count }, async (_, i) => {
    await delay((i * PACE_MS * 10) / count)
    await timeStream(agent, target, 'paced', timing)
  })
  await Promise.all(streams)
  agent.destroy()
  return timing
}

async function runSerial(target: Target): Promise<Timing> {
  const timing = { first: createHistogram(), jitter: createHistogram() }
  const agent = new Agent({ keepAlive: true })
  for (let i = 0; i < SERIAL_STREAMS; i += 1) await timeStream(agent, target, 'short', timing)
  agent.destroy()
  return timing
}

async function timeStream(agent: Agent, target: Target, answer: string, { first, jitter }: Timing): Promise<void> {
  const startedAtMs = performance.now()
  const path = target.kind.paths.chat ?? ''
  const stream = await post(agent, { port: target.port, path, body: chatBody(answer) })
  let lastAtMs: number | undefined
  stream.on('data', (chunk: Buffer) => {
    if (!chunk.includes('"delta"')) return
    const nowMs = performance.now()
    if (lastAtMs === undefined) first.record(toMicroseconds(nowMs - startedAtMs))
    else jitter.record(toMicroseconds(Math.abs(nowMs - lastAtMs - PACE_MS)))
    lastAtMs = nowMs
  })
  await new Promise((resolve, reject) => stream.once('end', resolve).once('error', reject))
}

function toMicroseconds(ms: number): number {
  return Math.max(1, Math.round(ms * 1000))
}
