import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts')
const LIMIT_MS = 20_000

export interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** An empty directory, gone when the test ends. */
export function useHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'codexway-command-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  return home
}

/** Runs the command to its end while servers of this process answer it. */
export async function runCommand(
  home: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: home,
    env: { PATH: process.env.PATH ?? '', HOME: home, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  })
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text
    })
  }
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  return { status, ...output }
}
