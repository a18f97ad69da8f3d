import type { Flags } from '../config/load.ts'
import { createLogger } from '../lib/logger.ts'
import { createApp } from '../server/app.ts'
import { loadOrReport } from './load-or-report.ts'

export interface ModelsFlags extends Flags {
  readonly json?: boolean
}

const WAIT_MS = 10_000

/** `codexway models`: the live catalogue if the backend answers, else the best kept one. */
export async function runModels(flags: ModelsFlags): Promise<number> {
  const loaded = loadOrReport(flags)
  if (loaded === undefined) return 2
  const app = createApp({ loaded, log: createLogger('silent', process.stderr) })
  const backend = app.defaultBackend
  if (backend === undefined) return 1
  await backend.catalogue.start()
  await backend.catalogue.refresh(AbortSignal.timeout(WAIT_MS))
  const models = backend.catalogue.listed()
  if (flags.json === true)
    process.stdout.write(
      `${JSON.stringify(
        models.map(({ raw: _raw, baseInstructions: _text, ...entry }) => entry),
        undefined,
        2,
      )}\n`,
    )
  else
    for (const { slug, efforts, isLite } of models)
      process.stdout.write(`${slug}\t${efforts.join(' ')}\t${isLite ? 'lite' : 'classic'}\n`)
  process.stderr.write(`source: ${backend.catalogue.source}\n`)
  await app.stop()
  return 0
}
