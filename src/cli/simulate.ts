import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { nearest } from '../lib/nearest.ts'
import { BUILTIN_SCENARIO_NAMES } from '../simulator/builtin-scenarios.ts'
import { loadScenarios } from '../simulator/load-scenarios.ts'
import { type Simulator, startSimulator } from '../simulator/server.ts'

export interface SimulateFlags {
  readonly port: string
  readonly host: string
  /** Directory for a sign-in that the simulator accepts. */
  readonly authDirectory?: string
  readonly scenarios?: string
  /** Answers every request. */
  readonly scenario?: string
  readonly list?: boolean
  readonly paceMs?: string
  /** Seconds. */
  readonly tokenLifetime?: string
}

/** `codexway simulate`: the stand-in alone, for a gateway or an agent started elsewhere. Runs until a signal comes. */
export async function runSimulate(flags: SimulateFlags): Promise<number> {
  if (flags.list === true) {
    process.stdout.write(`${BUILTIN_SCENARIO_NAMES.join('\n')}\n`)
    return 0
  }
  const simulator = await start(flags)
  if (typeof simulator === 'string') {
    process.stderr.write(`codexway: ${simulator}\n`)
    return 2
  }
  announce(simulator, flags)
  await new Promise<void>((done) => {
    process.once('SIGINT', done)
    process.once('SIGTERM', done)
  })
  await simulator.close()
  return 0
}

/** @returns the simulator, or why there is none */
async function start(flags: SimulateFlags): Promise<Simulator | string> {
  try {
    const scenarios = flags.scenarios === undefined ? [] : loadScenarios(flags.scenarios)
    const names = [...BUILTIN_SCENARIO_NAMES, ...scenarios.flatMap(({ name }) => name ?? [])]
    const { scenario } = flags
    if (scenario !== undefined && !names.includes(scenario)) {
      return `there is no scenario "${scenario}"; close ones: ${nearest(scenario, names, 3).join(', ')}. --list shows all.`
    }
    const simulator = await startSimulator({
      host: flags.host,
      port: Number(flags.port),
      scenarios,
      log: (line) => process.stderr.write(`${line}\n`),
      ...(flags.paceMs === undefined ? {} : { paceMs: Number(flags.paceMs) }),
      ...(flags.tokenLifetime === undefined ? {} : { tokenLifetimeS: Number(flags.tokenLifetime) }),
    })
    if (scenario !== undefined) simulator.play({ name: scenario, repeat: 'always' })
    return simulator
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function announce(simulator: Simulator, { authDirectory }: SimulateFlags): void {
  process.stdout.write(
    `simulator ready: OPENAI_API_BASE_URL=${simulator.baseUrl} CODEX_REFRESH_TOKEN_URL_OVERRIDE=${simulator.url}/oauth/token\n`,
  )
  if (authDirectory === undefined) return
  const path = join(resolve(authDirectory), 'auth.json')
  writeFileSync(path, JSON.stringify(simulator.issuer.authFile()), { mode: 0o600, flag: 'wx' })
  process.stdout.write(`sign-in written: ${path}\n`)
}
