import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { startSimulator } from '../simulator/server.ts'

export interface SimulateFlags {
  readonly port: string
  readonly host: string
  /** Directory for a sign-in that the simulator accepts. */
  readonly authDirectory?: string
}

/** `codexway simulate`: the stand-in alone, for a gateway or an agent started elsewhere. Runs until a signal comes. */
export async function runSimulate(flags: SimulateFlags): Promise<number> {
  const simulator = await startSimulator({
    host: flags.host,
    port: Number(flags.port),
    log: (line) => process.stderr.write(`${line}\n`),
  })
  process.stdout.write(
    `simulator ready: OPENAI_API_BASE_URL=${simulator.baseUrl} CODEX_REFRESH_TOKEN_URL_OVERRIDE=${simulator.url}/oauth/token\n`,
  )
  if (flags.authDirectory !== undefined) {
    const path = join(resolve(flags.authDirectory), 'auth.json')
    writeFileSync(path, JSON.stringify(simulator.issuer.authFile()), { mode: 0o600, flag: 'wx' })
    process.stdout.write(`sign-in written: ${path}\n`)
  }
  await new Promise<void>((done) => {
    process.once('SIGINT', done)
    process.once('SIGTERM', done)
  })
  await simulator.close()
  return 0
}
