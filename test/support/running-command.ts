import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'
import { MAIN } from './gateway-process.ts'

export interface RunningCommand {
  readonly child: ChildProcessWithoutNullStreams
  /** stdout and stderr together, so far. */
  output(): string
  /** Resolves with the first match in the output. */
  until(pattern: RegExp): Promise<RegExpExecArray>
  /** The exit status. */
  readonly ended: Promise<number | null>
}

const WAIT_MS = 20_000

/** The real command as a process of its own, with nothing of this machine's environment but PATH; killed with the test. */
export function startCommand(args: readonly string[], env: Readonly<Record<string, string>>): RunningCommand {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: env.HOME,
    env: { PATH: process.env.PATH ?? '', ...env },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const ended = once(child, 'close').then(([code]) => (typeof code === 'number' ? code : null))
  onTestFinished(async () => {
    if (child.exitCode === null) child.kill('SIGKILL')
    await ended
  })
  return {
    child,
    output: () => output,
    ended,
    async until(pattern) {
      const endsAtMs = Date.now() + WAIT_MS
      for (;;) {
        const match = pattern.exec(output)
        if (match !== null) return match
        if (Date.now() > endsAtMs) throw new Error(`${pattern} did not come:\n${output}`)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    },
  }
}
