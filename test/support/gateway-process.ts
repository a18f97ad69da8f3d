import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Simulator } from '../../src/simulator/server.ts'

export const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts')

export interface GatewayProcess {
  readonly url: string
  readonly child: ChildProcess
  /** Everything it has written to stdout and stderr so far. */
  output(): string
  /** A chat completion without streaming. @returns its HTTP status and text */
  chat(text?: string): Promise<{ status: number; text: string }>
  kill(signal?: NodeJS.Signals): Promise<void>
}

export interface GatewayProcessOptions {
  /** Or what stands before it. */
  readonly simulator: Pick<Simulator, 'url' | 'baseUrl'>
  /** Directory of the auth.json. */
  readonly codexHome: string
  /** Default: one of its own. */
  readonly home?: string
  readonly args?: readonly string[]
  /** What comes before `node` on the command line, e.g. `unshare -m …`. */
  readonly wrapper?: readonly string[]
}

/** A gateway as a process of its own, in front of a simulator in this one. Its starter kills it. */
export async function startGatewayProcess(options: GatewayProcessOptions): Promise<GatewayProcess> {
  const {
    simulator,
    codexHome,
    home = mkdtempSync(join(tmpdir(), 'codexway-process-')),
    args = [],
    wrapper = [],
  } = options
  const [command = '', ...parameters] = [...wrapper, process.execPath, MAIN, 'serve', '--port', '0', ...args]
  const child = spawn(command, parameters, {
    cwd: home,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH ?? '',
      HOME: home,
      OPENAI_CODEX_PATH: codexHome,
      OPENAI_API_BASE_URL: simulator.baseUrl,
      CODEX_REFRESH_TOKEN_URL_OVERRIDE: `${simulator.url}/oauth/token`,
    },
  })
  let output = ''
  const ready = Promise.withResolvers<string>()
  const collect = (chunk: Buffer) => {
    output += chunk.toString()
    const url = /ready at (http:\S+)\/v1/.exec(output)?.[1]
    if (url !== undefined) ready.resolve(url)
  }
  for (const stream of [child.stdout, child.stderr]) stream.on('data', collect)
  const ended = once(child, 'exit')
  void ended.then(() => ready.reject(new Error(`the gateway ended:\n${output}`)))
  const timer = setTimeout(() => ready.reject(new Error(`the gateway is not ready:\n${output}`)), 20_000)
  const url = await ready.promise.finally(() => clearTimeout(timer))
  return {
    url,
    child,
    output: () => output,
    async chat(text = 'hello') {
      const response = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'gpt-5.5', messages: [{ role: 'user', content: text }] }),
        signal: AbortSignal.timeout(30_000),
      })
      return { status: response.status, text: await response.text() }
    },
    async kill(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      await ended
    },
  }
}
