import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { onTestFinished } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { createApp } from '../../src/server/app.ts'
import type { TokenOptions } from '../../src/simulator/issuer.ts'
import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/server.ts'

export interface StartOptions {
  readonly yaml?: string
  readonly env?: Readonly<Record<string, string>>
  /** undefined = signed in; null = no file. */
  readonly auth?: TokenOptions | object | null
  readonly simulator?: SimulatorOptions
  readonly keepaliveMs?: number
}

export interface Running {
  readonly url: string
  readonly simulator: Simulator
  readonly home: string
  readonly authPath: string
  readonly logs: string[]
  readonly client: OpenAI
  /** Ends the gateway; the simulator stays. */
  stop(): Promise<void>
  /** POST as curl would. */
  post(path: string, body: unknown, headers?: Record<string, string>, signal?: AbortSignal): Promise<Response>
}

/** A gateway in front of a simulator, both on free ports, with a home of its own; gone when the test ends. */
export async function startGateway(options: StartOptions = {}): Promise<Running> {
  const simulator = await startSimulator({ webSocket: 426, ...options.simulator })
  const home = mkdtempSync(join(tmpdir(), 'codexway-test-'))
  const authPath = join(home, '.codex', 'auth.json')
  mkdirSync(join(home, '.codex'))
  if (options.auth !== null)
    writeFileSync(authPath, JSON.stringify(toAuthFile(simulator, options.auth)), { mode: 0o600 })
  if (options.yaml !== undefined) writeFileSync(join(home, 'config.yaml'), options.yaml)
  const env = {
    HOME: home,
    CODEXWAY_PORT: '0',
    OPENAI_API_BASE_URL: simulator.baseUrl,
    CODEX_REFRESH_TOKEN_URL_OVERRIDE: `${simulator.url}/oauth/token`,
    ...options.env,
  }
  const result = loadConfig({}, env, home)
  if (!result.ok) throw new Error(result.problems.join('\n'))
  const logs: string[] = []
  const log = createLogger('debug', { write: (line) => logs.push(line) })
  const app = createApp({ loaded: result.loaded, log, keepaliveMs: options.keepaliveMs ?? 15_000 })
  const { url } = await app.listen()
  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= app.stop()
    return stopped
  }
  onTestFinished(async () => {
    await Promise.all([stop(), simulator.close()])
    rmSync(home, { recursive: true, force: true })
  })
  return {
    url,
    simulator,
    home,
    authPath,
    logs,
    stop,
    client: new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused', maxRetries: 0 }),
    post: (path, body, headers = {}, signal = AbortSignal.timeout(20_000)) =>
      fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
        signal,
      }),
  }
}

function toAuthFile(simulator: Simulator, auth: StartOptions['auth']): object {
  const isWhole =
    auth !== undefined &&
    auth !== null &&
    ('tokens' in auth || 'OPENAI_API_KEY' in auth || Object.keys(auth).length === 0)
  return isWhole ? auth : simulator.issuer.authFile((auth ?? {}) as TokenOptions)
}
