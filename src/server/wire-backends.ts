import { tmpdir } from 'node:os'
import { createCliLocks } from '../accounts/cli-locks.ts'
import { createCredentialPool } from '../accounts/credential-pool.ts'
import { createRefreshLock } from '../accounts/refresh-lock.ts'
import { createSend } from '../backends/openai-codex/backend-calls.ts'
import { HttpClient } from '../backends/openai-codex/http-client.ts'
import { LimitsBoard } from '../backends/openai-codex/limits-board.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { JsonObject } from '../lib/json.ts'
import type { Logger } from '../lib/logger.ts'
import { toProxySettings } from './proxy-settings.ts'
import { type WiredBackend, wireBackend } from './wire-backend.ts'

export interface WiredBackends {
  readonly backends: readonly WiredBackend[]
  /** Their connections, and whatever refresh is under way. */
  close(): Promise<void>
}

/** Every configured instance, over one HTTP client and one pool of sign-ins. */
export function wireBackends(loaded: LoadedConfig, log: Logger): WiredBackends {
  const warn = (fields: JsonObject, message: string) => log.warn(fields, message)
  const proxy = toProxySettings(loaded.env)
  const client = new HttpClient(proxy)
  const send = createSend(() => new HttpClient(proxy))
  const pool = createCredentialPool({
    warn,
    now: Date.now,
    withRefreshLock: createRefreshLock({ warn, temporaryDirectory: tmpdir() }),
    takeWriteLock: createCliLocks(warn),
    storeDirectory: loaded.paths.accountsDirectory,
  })
  const shared = { loaded, log, client, proxy, send, pool, limits: new LimitsBoard({ warn }) }
  const backends = loaded.instances.map((instance) => wireBackend(instance, shared))
  return {
    backends,
    async close() {
      for (const { transport } of backends) transport.close()
      await Promise.all(backends.map(({ catalogue }) => catalogue.close()))
      // A refresh under way must still reach the file: its old token is used up.
      await pool.idle()
      await client.close()
    },
  }
}
