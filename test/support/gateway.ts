import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { onTestFinished } from 'vitest'
import { type Flags, loadConfig } from '../../src/config/load.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { findAliasProblems } from '../../src/models/aliases.ts'
import { createApp } from '../../src/server/app.ts'
import type { AuthFileOptions } from '../../src/simulator/issuer.ts'
import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/server.ts'

/** What exists before the gateway does. */
export interface Ground {
  readonly simulator: Simulator
  readonly home: string
  /** `<home>/.codex/auth.json` */
  readonly authPath: string
}

type Variables = Readonly<Record<string, string | undefined>>

export interface StartOptions {
  readonly yaml?: string | ((ground: Ground) => string)
  readonly flags?: Flags | ((ground: Ground) => Flags)
  /** Over the usual variables; undefined takes one away. */
  readonly env?: Variables | ((ground: Ground) => Variables)
  /** undefined = signed in; null = no file. */
  readonly auth?: AuthFileOptions | object | null
  readonly simulator?: SimulatorOptions
  readonly keepaliveMs?: number
  /** debug unless said. */
  readonly logLevel?: 'trace' | 'debug' | 'info'
  /** Runs before the gateway starts. */
  readonly prepare?: (ground: Ground) => void
}

export interface Running extends Ground {
  readonly url: string
  readonly logs: string[]
  readonly client: OpenAI
  /** Ends the gateway; the simulator stays. */
  stop(): Promise<void>
  /** POST as curl would. */
  post(path: string, body: unknown, headers?: Record<string, string>, signal?: AbortSignal): Promise<Response>
}

/** A gateway in front of a simulator, both on free ports, with a home of its own; gone when the test ends. */
export async function startGateway(options: StartOptions = {}): Promise<Running> {
  const running = await openGateway(options)
  onTestFinished(() => running.close())
  return running
}

export interface Open extends Running {
  close(): Promise<void>
}

/** The same for a whole table of tests; whoever opens it closes it. */
export async function openGateway(options: StartOptions = {}): Promise<Open> {
  const simulator = await startSimulator({ webSocket: 426, ...options.simulator })
  const home = mkdtempSync(join(tmpdir(), 'codexway-test-'))
  const authPath = join(home, '.codex', 'auth.json')
  mkdirSync(join(home, '.codex'))
  if (options.auth !== null)
    writeFileSync(authPath, JSON.stringify(toAuthFile(simulator, options.auth)), { mode: 0o600 })
  const ground = { simulator, home, authPath }
  if (options.yaml !== undefined) writeFileSync(join(home, 'config.yaml'), valueFor(options.yaml, ground))
  options.prepare?.(ground)
  const env = {
    HOME: home,
    CODEXWAY_PORT: '0',
    OPENAI_API_BASE_URL: simulator.baseUrl,
    CODEX_REFRESH_TOKEN_URL_OVERRIDE: `${simulator.url}/oauth/token`,
    ...valueFor(options.env ?? {}, ground),
  }
  const result = loadConfig(valueFor(options.flags ?? {}, ground), env, home, findAliasProblems)
  if (!result.ok) throw new Error(result.problems.join('\n'))
  const logs: string[] = []
  const log = createLogger(options.logLevel ?? 'debug', { write: (line) => logs.push(line) })
  const app = createApp({ loaded: result.loaded, log, keepaliveMs: options.keepaliveMs ?? 15_000 })
  const { url } = await app.listen()
  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= app.stop()
    return stopped
  }
  return {
    async close() {
      await Promise.all([stop(), simulator.close()])
      // A list of models still being kept when the gateway stops lands a moment later.
      rmSync(home, { recursive: true, force: true, maxRetries: 5 })
    },
    ...ground,
    url,
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

function valueFor<T extends object | string>(value: T | ((ground: Ground) => T), ground: Ground): T {
  return typeof value === 'function' ? value(ground) : value
}

function toAuthFile(simulator: Simulator, auth: StartOptions['auth']): object {
  const isWhole =
    auth !== undefined &&
    auth !== null &&
    ('tokens' in auth || 'OPENAI_API_KEY' in auth || Object.keys(auth).length === 0)
  return isWhole ? auth : simulator.issuer.authFile((auth ?? {}) as AuthFileOptions)
}
