import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createCliLocks } from '../accounts/cli-locks.ts'
import { createCredentialPool } from '../accounts/credential-pool.ts'
import { createRefreshLock } from '../accounts/refresh-lock.ts'
import { createSend } from '../backends/openai-codex/backend-calls.ts'
import { HttpClient } from '../backends/openai-codex/http-client.ts'
import { LimitsBoard } from '../backends/openai-codex/limits-board.ts'
import type { LoadedConfig } from '../config/load.ts'
import { isLoopbackHost } from '../config/url-schema.ts'
import { anthropicMessages } from '../frontends/anthropic-messages/index.ts'
import { chatCompletions } from '../frontends/chat-completions/index.ts'
import { responses } from '../frontends/responses/index.ts'
import { TurnPipeline } from '../gateway/run-turn.ts'
import type { JsonObject } from '../lib/json.ts'
import type { Logger } from '../lib/logger.ts'
import { createModelListing } from '../models/listing.ts'
import { createModelResolver } from '../models/resolve.ts'
import { DailyTokens } from '../store/daily-tokens.ts'
import { SqliteResponseStore } from '../store/sqlite-response-store.ts'
import { createAuthenticate } from './client-auth.ts'
import { HttpServer } from './http-server.ts'
import { mountMessagesRoutes } from './messages-routes.ts'
import { toProxySettings } from './proxy-settings.ts'
import { mountResponsesRoutes } from './responses-routes.ts'
import { Router } from './router.ts'
import { mountRoutes } from './routes.ts'
import { turnRoute } from './turn-route.ts'
import { type WiredBackend, wireBackend } from './wire-backend.ts'

export interface App {
  readonly backends: readonly WiredBackend[]
  /** Who answers for models named without a backend. */
  readonly defaultBackend: WiredBackend | undefined
  /** @returns the address that works for a client on this machine */
  listen(): Promise<{ url: string; port: number }>
  stop(): Promise<void>
}

export interface AppOptions {
  readonly loaded: LoadedConfig
  readonly log: Logger
  /** Silence after which a stream gets a sign of life, ms. */
  readonly keepaliveMs?: number
}

/** Puts everything together; the only place that knows all parts. */
export function createApp({ loaded, log, keepaliveMs = 15_000 }: AppOptions): App {
  const { config, env } = loaded
  const proxy = toProxySettings(env)
  const client = new HttpClient(proxy)
  const send = createSend(() => new HttpClient(proxy))
  const warn = (fields: JsonObject, message: string) => log.warn(fields, message)
  const pool = createCredentialPool({
    warn,
    now: Date.now,
    withRefreshLock: createRefreshLock({ warn, temporaryDirectory: tmpdir() }),
    takeWriteLock: createCliLocks(warn),
    storeDirectory: loaded.paths.accountsDirectory,
  })
  const shared = { loaded, log, client, proxy, send, pool, limits: new LimitsBoard({ warn }) }
  const backends = loaded.instances.map((instance) => wireBackend(instance, shared))
  const resolver = createModelResolver({
    instances: backends,
    aliases: config.model_aliases,
    hasClaudeTiers: config.claude_models,
    ...(config.default_backend === undefined ? {} : { defaultBackend: config.default_backend }),
  })
  const store = createResponseStore(config.store, loaded.paths.stateDirectory, warn)
  const tokens = new DailyTokens({ directory: loaded.paths.tokensDirectory })
  const gateway = new TurnPipeline({
    backends,
    resolver,
    responses: store,
    installationId: installationId(loaded),
    warn,
    used: (accountId, usage) => tokens.add(accountId, usage),
  })
  const router = new Router()
  const turnOptions = { gateway, maxBodyBytes: config.server.max_body_bytes, keepaliveMs }
  const doors = [chatCompletions, responses, anthropicMessages]
  for (const door of doors) for (const path of door.paths) router.add('POST', path, turnRoute(door, turnOptions))
  const listing = createModelListing({ instances: backends, resolver })
  mountResponsesRoutes(router, { gateway, store, maxBodyBytes: config.server.max_body_bytes })
  mountMessagesRoutes(router, { gateway, listing, maxBodyBytes: config.server.max_body_bytes })
  const main = backends.find(({ name }) => name === resolver.defaultInstance) ?? backends[0]
  if (main !== undefined) mountRoutes(router, { listing, backend: main })

  const { host, port, api_keys: apiKeys, allowed_hosts: allowedHosts, cors_origins: corsOrigins } = config.server
  const origins = { allowedHosts, corsOrigins, isLoopbackBind: isLoopbackHost(host) }
  const errorForms = doors.flatMap(({ errors }) => errors ?? [])
  const server = new HttpServer({ router, authenticate: createAuthenticate(apiKeys), origins, errorForms, log })
  return {
    backends,
    defaultBackend: main,
    async listen() {
      const bound = await server.listen(host, port)
      // The sign-ins are read now, so that a file that breaks later leaves a token to go on with (connector.md §3.3);
      // of the catalogues only the kept lists: the live ones are fetched behind it.
      await Promise.all(backends.flatMap(({ catalogue, credentials }) => [credentials.describe(), catalogue.start()]))
      const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host
      return { url: `http://${name}:${bound}`, port: bound }
    },
    async stop() {
      await server.stop(config.server.drain_seconds * 1000)
      for (const { catalogue, transport } of backends) {
        catalogue.close()
        transport.close()
      }
      await Promise.all([store.close(), tokens.flush()])
      // A refresh under way must still reach the file: its old token is used up.
      await pool.idle()
      await client.close()
    },
  }
}

/** One UUIDv4 for this installation (upstream.md §1.3); kept in memory where it cannot be kept on disk. */
function installationId({ paths }: LoadedConfig): string {
  const path = join(paths.stateDirectory, 'installation_id')
  try {
    const known = readFileSync(path, 'utf8').trim()
    if (/^[0-9a-f-]{36}$/.test(known)) return known
  } catch {
    // First start.
  }
  const fresh = randomUUID()
  try {
    mkdirSync(paths.stateDirectory, { recursive: true })
    writeFileSync(path, fresh)
  } catch {
    // A read-only home: the id lasts as long as this process.
  }
  return fresh
}

function createResponseStore(
  { type, ttl_hours: hours, max_responses: maxResponses, max_bytes: maxBytes }: LoadedConfig['config']['store'],
  stateDirectory: string,
  warn: (fields: JsonObject, message: string) => void,
): SqliteResponseStore {
  const path = type === 'memory' ? ':memory:' : join(stateDirectory, 'responses.sqlite')
  return new SqliteResponseStore({ path, limits: { maxResponses, maxBytes, maxAgeMs: hours * 3_600_000 }, warn })
}
