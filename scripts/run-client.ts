/** What the scripts that drive real agents share. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'

/** Where their pinned releases are installed. */
export const clientsDirectory = join(import.meta.dirname, '..', '.cache', 'clients')
export const CODEX = join(clientsDirectory, 'node_modules', '.bin', 'codex')

/** `config.toml` of a Codex CLI that talks to `url` and to nobody else. */
export function toCodexConfig(url: string, model: string, isSignedIn: boolean): string {
  return [
    `model = "${model}"`,
    'model_provider = "gateway"',
    '[model_providers.gateway]',
    'name = "gateway"',
    `base_url = "${url}/v1"`,
    'wire_api = "responses"',
    `requires_openai_auth = ${isSignedIn}`,
    '[analytics]',
    'enabled = false',
    '[otel]',
    'metrics_exporter = "none"',
    '[features]',
    'apps = false',
    'plugins = false',
    'remote_plugin = false',
  ].join('\n')
}

export interface RunOptions {
  readonly cwd: string
  readonly timeoutMs: number
  readonly env?: Record<string, string>
}

/** Runs a program to its end, or kills it after `timeoutMs`. */
export function run(
  command: string,
  args: readonly string[],
  { cwd, timeoutMs, env }: RunOptions,
): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(env === undefined ? {} : { env }),
    })
    let output = ''
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.once('error', (error) => (output += error.message))
    child.once('close', (code) => {
      clearTimeout(timer)
      resolve({ code: code ?? 1, output })
    })
  })
}
