import { writeFileSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import type { Flags } from '../config/load.ts'
import { processEnvironment } from '../config/paths.ts'
import { createLogger, type Logger } from '../lib/logger.ts'
import { type App, createApp } from '../server/app.ts'
import { loadOrReport } from './load-or-report.ts'
import type { Simulation } from './simulation.ts'

export interface ServeFlags extends Flags {
  readonly simulate?: boolean
  readonly readyFile?: string
  readonly scenarios?: string
}

/** By then the first request has loaded what it needs. */
const COMPILED_AFTER_MS = 5000

/** Serves until a signal comes; a second one ends at once (connector.md §14). */
export async function runServe(flags: ServeFlags): Promise<number> {
  if (flags.scenarios !== undefined && flags.simulate !== true) {
    process.stderr.write('codexway: --scenarios goes with --simulate\n')
    return 2
  }
  const simulation = flags.simulate === true ? await simulate(flags.scenarios) : undefined
  const loaded = loadOrReport(flags, { ...processEnvironment(), ...simulation?.env })
  if (loaded === undefined) {
    await simulation?.close()
    return 2
  }
  const log = createLogger(loaded.config.log_level, process.stderr)
  for (const warning of loaded.warnings) log.warn(warning)
  const app = createApp({ loaded, log })
  const listening = await listen(app, log)
  if (listening === undefined) {
    await simulation?.close()
    return 1
  }
  await announce(app, listening.url, log)
  // Node itself writes it at the end, which a killed process does not reach.
  setTimeout(flushCompileCache, COMPILED_AFTER_MS).unref()
  if (flags.readyFile !== undefined) writeFileSync(flags.readyFile, JSON.stringify({ pid: process.pid, ...listening }))
  return await untilStopped(app, simulation, log)
}

/** Loaded only if asked for: it takes as long as half of the gateway. */
async function simulate(scenarios: string | undefined): Promise<Simulation> {
  const { startSimulation } = await import('./simulation.ts')
  return startSimulation(scenarios)
}

async function listen(app: App, log: Logger): Promise<{ url: string; port: number } | undefined> {
  try {
    return await app.listen()
  } catch (error) {
    log.debug({ err: error }, 'could not listen')
    const reason = error instanceof Error ? error.message : String(error)
    process.stderr.write(`codexway: cannot listen: ${reason}. Choose another port with --port.\n`)
    return undefined
  }
}

/** One line for a person: where, to whom, as whom, and what to do if nobody is signed in. */
async function announce({ defaultBackend: backend }: App, url: string, log: Logger): Promise<void> {
  if (backend === undefined) return
  const status = await backend.credentials.describe()
  const who = [status.email, status.plan].filter((part) => part !== undefined).join(', ')
  const account = status.state === 'ready' ? ` as ${who === '' ? 'an unnamed account' : who}` : ''
  const next = status.nextStep === undefined ? '' : ` — ${status.nextStep}`
  const { host } = new URL(backend.responsesUrl)
  log.info({ url, backend: host, credentials: status.path, state: status.state }, 'listening')
  process.stdout.write(`codexway ready at ${url}/v1 → ${host}${account}${next}\n`)
}

function untilStopped(app: App, simulation: Simulation | undefined, log: Logger): Promise<number> {
  return new Promise((resolve) => {
    let isStopping = false
    const onSignal = (): void => {
      if (isStopping) {
        resolve(130)
        return
      }
      isStopping = true
      log.info('stopping; running requests may finish, a second signal ends them')
      app.stop().then(
        async () => {
          await simulation?.close()
          resolve(0)
        },
        (error: unknown) => {
          log.error({ err: error }, 'could not stop cleanly')
          resolve(1)
        },
      )
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
  })
}
