import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Holdings } from './measured-process.ts'

export interface MeasuredGateway extends AsyncDisposable {
  readonly url: string
  measure(): Promise<Holdings & { openFiles: number }>
}

/** A gateway in a process of its own that can be asked what it holds (Linux). `env` must name its backend and home. */
export async function startMeasuredGateway(home: string, env: Record<string, string>): Promise<MeasuredGateway> {
  const child = fork(join(import.meta.dirname, 'measured-process.ts'), {
    env: { PATH: process.env.PATH ?? '', HOME: home, CODEXWAY_PORT: '0', ...env },
    execArgv: ['--expose-gc'],
    cwd: home,
  })
  const [{ url }] = (await once(child, 'message')) as [{ url: string }]
  return {
    url,
    async measure() {
      child.send('measure')
      const [holdings] = (await once(child, 'message')) as [Holdings]
      return { ...holdings, openFiles: readdirSync(`/proc/${child.pid}/fd`).length }
    },
    async [Symbol.asyncDispose]() {
      const closed = once(child, 'close')
      child.kill('SIGKILL')
      await closed
    },
  }
}
