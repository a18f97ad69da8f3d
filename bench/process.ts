import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

export interface Started {
  readonly child: ChildProcess
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
      return { child, port: Number(port) }
    }
  }
  throw new Error(`${args[0]} ended before it printed its port`)
}

/** CPU time a process has used so far, user and system, by the operating system's own accounting. */
export function cpuMs(pid: number): number {
  if (process.platform === 'linux') {
    // Fields after the command's closing parenthesis; utime and stime are the 14th and 15th of the whole line, in 1/100 s.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) * 10
  }
  const [minutes, seconds] = execFileSync('ps', ['-o', 'time=', '-p', String(pid)], { encoding: 'utf8' })
    .trim()
    .split(':')
  return (Number(minutes) * 60 + Number(seconds)) * 1000
}

/** Resident memory, bytes (Linux). */
export function residentBytes(pid: number): number {
  const pages = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]
  return Number(pages) * 4096
}
