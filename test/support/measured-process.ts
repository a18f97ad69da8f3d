/** A gateway in a process of its own that says, whenever asked, what it holds. Forked with `--expose-gc`. */
import { setTimeout as sleep } from 'node:timers/promises'
import { loadConfig } from '../../src/config/load.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { createApp } from '../../src/server/app.ts'

export interface Holdings {
  /** In use after a collection: the heap and the buffers outside of it. */
  readonly memoryBytes: number
  /** `process.getActiveResourcesInfo()`, counted by kind. */
  readonly resources: Readonly<Record<string, number>>
}

const result = loadConfig({}, process.env, process.cwd())
if (!result.ok) throw new Error(result.problems.join('\n'))
const app = createApp({ loaded: result.loaded, log: createLogger('info', { write: () => {} }) })
const { url } = await app.listen()
process.on('message', async () => process.send?.(await measure()))
process.on('disconnect', () => process.exit())
process.send?.({ url })

async function measure(): Promise<Holdings> {
  // Finalizers run between collections.
  for (let round = 0; round < 3; round += 1) {
    globalThis.gc?.()
    await sleep(20)
  }
  const resources: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1
  const { heapUsed, external } = process.memoryUsage()
  return { memoryBytes: heapUsed + external, resources }
}
