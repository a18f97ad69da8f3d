import type { Flags } from '../config/load.ts'
import { createLogger } from '../lib/logger.ts'
import { createApp } from '../server/app.ts'
import type { WiredBackend } from '../server/wire-backend.ts'
import { GatewayError } from '../turn/errors.ts'
import { loadOrReport } from './load-or-report.ts'

const WAIT_MS = 15_000

/** `codexway doctor`: one line a check, with the next step; 1 if one fails (connector.md §3.6). Prints no secret. */
export async function runDoctor(flags: Flags): Promise<number> {
  const loaded = loadOrReport(flags)
  if (loaded === undefined) return 2
  process.stdout.write('ok    configuration\n')
  const app = createApp({ loaded, log: createLogger('silent', process.stderr) })
  let isFine = true
  for (const backend of app.backends) isFine = (await check(backend)) && isFine
  await app.stop()
  return isFine ? 0 : 1
}

async function check(backend: WiredBackend): Promise<boolean> {
  const status = await backend.credentials.describe()
  if (status.state !== 'ready') {
    process.stdout.write(`FAIL  sign-in of ${backend.name}: ${status.state}; looked at ${status.searched.join(', ')}\n`)
    process.stdout.write(`      next: ${status.nextStep ?? 'run `codex login`'}\n`)
    return false
  }
  const until = status.expiresAtMs === undefined ? 'unknown' : new Date(status.expiresAtMs).toISOString()
  process.stdout.write(
    `ok    sign-in of ${backend.name}: ${status.email ?? 'unnamed account'}, token valid until ${until}\n`,
  )
  try {
    await backend.usage(AbortSignal.timeout(WAIT_MS))
    process.stdout.write(`ok    backend of ${backend.name} answers at ${new URL(backend.responsesUrl).host}\n`)
    return true
  } catch (error) {
    const reason = error instanceof GatewayError ? error.message : 'no answer in time'
    process.stdout.write(`FAIL  backend of ${backend.name} at ${new URL(backend.responsesUrl).host}: ${reason}\n`)
    return false
  }
}
