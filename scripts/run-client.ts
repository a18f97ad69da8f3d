/** What the scripts that drive real agents share. */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where their pinned releases are installed. */
export const clientsDirectory = join(import.meta.dirname, '..', '.cache', 'clients')
export const CODEX = join(clientsDirectory, 'node_modules', '.bin', 'codex')

const CLIENTS = [
  '@openai/codex@0.169.0',
  'opencode-ai@1.18.33',
  '@anthropic-ai/claude-code@2.1.330',
  // Its program itself: what the package puts in its place runs only after an install script.
  `@anthropic-ai/claude-code-${process.platform}-${process.arch}@2.1.330`,
  '@google/gemini-cli@0.61.0',
]

/** Once per set of releases. */
export async function installClients(): Promise<void> {
  const done = join(clientsDirectory, `installed-${CLIENTS.join('+').replace(/[^\w.+-]/g, '_')}`)
  if (existsSync(done)) return
  mkdirSync(clientsDirectory, { recursive: true })
  writeFileSync(join(clientsDirectory, 'package.json'), '{"private":true,"name":"clients"}')
  const { code, output } = await run('npm', ['install', '--no-package-lock', '--no-audit', '--no-fund', ...CLIENTS], {
    cwd: clientsDirectory,
    timeoutMs: 300_000,
  })
  if (code !== 0) throw new Error(`the clients could not be installed:\n${output}`)
  writeFileSync(done, '')
}

/** Their makers' hosts are nobody at all here: asking for their addresses would cost the agents five seconds each time. */
const HOSTS = [
  'localhost',
  'chatgpt.com',
  'ab.chatgpt.com',
  'auth.openai.com',
  'api.openai.com',
  'models.dev',
  'play.googleapis.com',
]

/** Runs a script again with `--inside`, in a network namespace that has loopback only. @returns its exit status */
export function runInside(script: string, args: readonly string[]): Promise<number> {
  const hosts = join(clientsDirectory, 'hosts')
  writeFileSync(hosts, HOSTS.map((name) => `127.0.0.1 ${name}\n`).join(''))
  const shell = `ip link set lo up && mount --bind '${hosts}' /etc/hosts && exec "$0" "$@"`
  const asUser = process.getuid?.() === 0 ? [] : ['-r']
  const child = spawn(
    'unshare',
    [...asUser, '-n', '-m', 'sh', '-c', shell, process.execPath, script, '--inside', ...args],
    {
      stdio: 'inherit',
    },
  )
  return new Promise<number>((resolve) => {
    child.once('error', (error) => {
      console.error(`unshare is needed to keep the agents on loopback: ${error.message}`)
      resolve(1)
    })
    child.once('close', (code) => resolve(code ?? 1))
  })
}

export interface CodexWays {
  /** With ChatGPT; else the CLI sends the key in `GATEWAY_KEY`. */
  readonly isSignedIn?: boolean
  readonly isOverWebSocket?: boolean
  /** `/v1` unless said. */
  readonly basePath?: string
}

/** `config.toml` of a Codex CLI that talks to `url` and to nobody else. */
export function toCodexConfig(url: string, model: string, ways: CodexWays = {}): string {
  const { isSignedIn = false, isOverWebSocket = false, basePath = '/v1' } = ways
  return [
    `model = "${model}"`,
    'model_provider = "gateway"',
    '[model_providers.gateway]',
    'name = "gateway"',
    `base_url = "${url}${basePath}"`,
    'wire_api = "responses"',
    isSignedIn ? 'requires_openai_auth = true' : 'env_key = "GATEWAY_KEY"',
    `supports_websockets = ${isOverWebSocket}`,
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
