import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts')

export interface ServeOptions {
  /** Flags behind `serve`. */
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly yaml?: string
  /** Content of `~/.codex/auth.json`; without it there is none. */
  readonly auth?: object
}

export interface Served {
  readonly url: string
  readonly home: string
  readonly child: ChildProcess
  /** The log and the human line. */
  output(): { stdout: string; stderr: string }
  /** Resolves with the exit status once the process has ended. */
  readonly ended: Promise<number | null>
}

/** `codexway serve` in a process and a home of its own; killed when the test ends. */
export async function serve(options: ServeOptions = {}): Promise<Served> {
  const home = mkdtempSync(join(tmpdir(), 'codexway-serve-'))
  mkdirSync(join(home, '.codex'))
  const ready = join(home, 'ready.json')
  if (options.yaml !== undefined) writeFileSync(join(home, 'config.yaml'), options.yaml)
  const { args = [], auth } = options
  if (auth !== undefined) writeFileSync(join(home, '.codex', 'auth.json'), JSON.stringify(auth), { mode: 0o600 })
  const child = spawn(process.execPath, [MAIN, 'serve', '--port', '0', '--ready-file', ready, ...args], {
    cwd: home,
    env: { PATH: process.env.PATH ?? '', HOME: home, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const seen = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (seen.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (seen.stderr += chunk.toString()))
  const ended = once(child, 'close').then(([status]): number | null => status)
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
    rmSync(home, { recursive: true, force: true })
  })
  await expect
    .poll(() => existsSync(ready) && readFileSync(ready, 'utf8').endsWith('}'), { timeout: 20_000 })
    .toBe(true)
  const { url } = JSON.parse(readFileSync(ready, 'utf8')) as { url: string }
  return { url, home, child, ended, output: () => seen }
}
