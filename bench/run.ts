/**
 * What codexway costs beside a bare `node:http` pipe on the same Node in the same run. Targets take turns, so that a
 * machine that speeds up or slows down does so for all of them; only ratios mean anything elsewhere.
 *
 *   npm run bench                             everything, one table
 *   npm run bench -- --scenario relay         one scenario; may be repeated
 *   npm run bench -- --list                   their names
 */
import { execFileSync } from 'node:child_process'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { coldStart } from './cold-start.ts'
import { CPU_SCENARIOS } from './cpu.ts'
import { idle, soak } from './memory.ts'
import { paced, serial } from './paced.ts'
import { type Started, startScript, stop } from './process.ts'
import type { Row, Settings } from './scenario.ts'
import { session } from './session.ts'
import { ROOT, startTarget, TARGETS } from './targets.ts'

/** Has a table of its own: its columns are transports. */
const SESSION = 'session'
const SCENARIOS = [...CPU_SCENARIOS, paced, serial, idle, coldStart, soak]

const { values: flags } = parseArgs({
  options: {
    scenario: { type: 'string', multiple: true },
    list: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '7' },
    requests: { type: 'string', default: '400' },
    deltas: { type: 'string', default: '300' },
    concurrency: { type: 'string', default: '32' },
    idle: { type: 'string', default: '2000' },
    soak: { type: 'string', default: '20000' },
  },
})
const settings: Settings = {
  rounds: Number(flags.rounds),
  requests: Number(flags.requests),
  concurrency: Number(flags.concurrency),
  deltas: Number(flags.deltas),
  idle: Number(flags.idle),
  soak: Number(flags.soak),
}
const isChosen = (name: string) => flags.scenario === undefined || flags.scenario.includes(name)
const chosen = SCENARIOS.filter(({ name }) => isChosen(name))

if (flags.list || (chosen.length === 0 && !isChosen(SESSION))) {
  console.log([...SCENARIOS.map(({ name }) => name), SESSION].join('\n'))
} else {
  execFileSync(process.execPath, [join(ROOT, 'scripts/build.ts')], { stdio: 'inherit' })
  if (chosen.length > 0) await run()
  if (isChosen(SESSION)) await session()
}

async function run(): Promise<void> {
  const upstream = await startScript([join(ROOT, 'bench/upstream.ts'), String(settings.deltas)])
  const running: Started[] = [upstream]
  try {
    const targets = []
    for (const kind of TARGETS) {
      const target = await startTarget(kind, upstream.port)
      if (target.started !== undefined) running.push(target.started)
      targets.push(target)
    }
    printHead()
    for (const scenario of chosen) for (const row of await scenario.run(targets, settings)) printRow(row)
  } finally {
    for (const started of running) await stop(started)
  }
}

function printHead(): void {
  const { rounds, requests, deltas, concurrency } = settings
  const machine = `${process.platform} ${process.arch}, ${cpus().length} cores`
  console.log(
    `Node ${process.version}, ${machine}; ${rounds} rounds of ${requests} requests, ${concurrency} at once, ${deltas} deltas each\n`,
  )
  const names = TARGETS.map(({ name }) => name)
  console.log(`| scenario | measure | ${names.join(' | ')} | codexway ÷ pipe | goal |`)
  console.log(`|---|---|${names.map(() => '--:').join('|')}|--:|---|`)
}

function printRow({ scenario, measure, values, ratio, goal = '' }: Row): void {
  const cells = TARGETS.map(({ name }) => toCell(values[name]))
  console.log(`| ${scenario} | ${measure} | ${cells.join(' | ')} | ${toCell(ratio)} | ${goal} |`)
}

function toCell(value: number | undefined): string {
  if (value === undefined) return '–'
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2)
}
