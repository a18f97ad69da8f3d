import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadScenarios } from '../simulator/load-scenarios.ts'
import { startSimulator } from '../simulator/server.ts'

export interface Simulation {
  /** Empty but for the sign-in: nobody's configuration lies here. */
  readonly directory: string
  /** What makes the gateway use the simulator and its throw-away sign-in. */
  readonly env: Readonly<Record<string, string>>
  close(): Promise<void>
}

/** A simulator with somebody signed in to it. @throws Error naming the mistakes of a scenario file */
export async function startSimulation(scenarioFile?: string): Promise<Simulation> {
  const scenarios = scenarioFile === undefined ? [] : loadScenarios(scenarioFile)
  const simulator = await startSimulator({ scenarios })
  const directory = mkdtempSync(join(tmpdir(), 'codexway-simulated-'))
  writeFileSync(join(directory, 'auth.json'), JSON.stringify(simulator.issuer.authFile()), { mode: 0o600 })
  return {
    directory,
    env: {
      OPENAI_CODEX_PATH: directory,
      OPENAI_API_BASE_URL: simulator.baseUrl,
      CODEX_REFRESH_TOKEN_URL_OVERRIDE: `${simulator.url}/oauth/token`,
      XDG_CACHE_HOME: directory,
      XDG_STATE_HOME: directory,
    },
    async close() {
      await simulator.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
