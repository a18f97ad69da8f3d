import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

export interface Started {
  readonly child: ChildProcess
  readonly pid: number
  readonly port: number
}

/** Starts a Node script whose first line is its port, or the gateway, whose first line holds its address. */
export async function startScript(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<Started> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env })
  const lines = createInterface({ input: child.stdout })
  for await (const line of lines) {
    const port = /^(\d+)$|:(\d+)\/v1/
      .exec(line)
      ?.slice(1)
      .find((group) => group !== undefined)
    if (port !== undefined) {
      child.stdout.resume()
      return { child, pid: child.pid ?? 0, port: Number(port) }
    }
  }
  throw new Error(`${args[0]} ended before it printed its port`)
}

export async function stop({ child }: Started, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill(signal)
  await ended
}

/** CPU time a process has used so far, all its threads, user and system, by the operating system's own accounting. */
export function cpuMs(pid: number): number {
  if (process.platform === 'linux') {
    let nanoseconds = 0
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0])
    }
    return nanoseconds / 1e6
  }
  const [minutes, seconds] = execFileSync('ps', ['-o', 'time=', '-p', String(pid)], { encoding: 'utf8' })
    .trim()
    .split(':')
  return (Number(minutes) * 60 + Number(seconds)) * 1000
}

/** Resident memory, MiB (Linux). */
export function residentMib(pid: number): number {
  const pages = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]
  return (Number(pages) * 4096) / 1024 / 1024
}
