import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LoadedConfig } from '../config/load.ts'
import { isLoopbackHost } from '../config/url-schema.ts'
import { anthropicMessages } from '../frontends/anthropic-messages/index.ts'
import { chatCompletions } from '../frontends/chat-completions/index.ts'
import { geminiErrors } from '../frontends/gemini/error.ts'
import { ollamaErrors } from '../frontends/ollama/error.ts'
import { responses } from '../frontends/responses/index.ts'
import { TurnPipeline } from '../gateway/run-turn.ts'
import type { JsonObject } from '../lib/json.ts'
import type { Logger } from '../lib/logger.ts'
import { createModelListing } from '../models/listing.ts'
import { createModelResolver } from '../models/resolve.ts'
import { DailyTokens } from '../store/daily-tokens.ts'
import { SqliteResponseStore } from '../store/sqlite-response-store.ts'
import type { Frontend, SocketForm } from '../turn/frontend.ts'
import { createAppRouter } from './app-router.ts'
import { createAuthenticate } from './client-auth.ts'
import { HttpServer, type RequestLimits, type SocketEndpoint } from './http-server.ts'
import { RequestMetrics } from './request-metrics.ts'
import { TurnSockets } from './turn-sockets.ts'
import type { WiredBackend } from './wire-backend.ts'
import { wireBackends } from './wire-backends.ts'

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
  const { config } = loaded
  const warn = (fields: JsonObject, message: string) => log.warn(fields, message)
  const { backends, close } = wireBackends(loaded, log)
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
  const metrics = new RequestMetrics(backends)
  const turnOptions = { gateway, maxBodyBytes: config.server.max_body_bytes, keepaliveMs }
  const doors = [chatCompletions, responses, anthropicMessages]
  const sockets = config.server.websocket
    ? new TurnSockets({ ...turnOptions, forms: toForms(doors), log, metrics })
    : undefined
  const listing = createModelListing({ instances: backends, resolver })
  const main = backends.find(({ name }) => name === resolver.defaultInstance) ?? backends[0]
  const routerParts = { doors, gateway, turns: turnOptions, listing, resolver, store, main, metrics }
  const { host, port, ollama_port: ollamaPort, api_keys: apiKeys } = config.server
  const { allowed_hosts: allowedHosts, cors_origins: corsOrigins } = config.server
  const origins = { allowedHosts, corsOrigins, isLoopbackBind: isLoopbackHost(host) }
  const limits = toRequestLimits(config.server)
  const errorForms = [...doors.flatMap(({ errors }) => errors ?? []), geminiErrors]
  const common = { authenticate: createAuthenticate(apiKeys), origins, limits, log, metrics }
  const toServer = (hasOllama: boolean, endpoint: SocketEndpoint | undefined): HttpServer =>
    new HttpServer({
      ...common,
      router: createAppRouter(routerParts, hasOllama),
      errorForms: hasOllama ? [...errorForms, ollamaErrors] : errorForms,
      sockets: endpoint,
    })
  const server = toServer(config.ollama, sockets)
  const ollamaServer = ollamaPort === undefined ? undefined : toServer(true, undefined)
  return {
    backends,
    defaultBackend: main,
    async listen() {
      const bound = await server.listen(host, port)
      if (ollamaServer !== undefined) {
        const ollamaBound = await ollamaServer.listen(host, ollamaPort ?? 0)
        log.info({ url: `http://${toAddress(host)}:${ollamaBound}` }, 'listening for clients of Ollama')
      }
      // The sign-ins are read now, so that a file that breaks later leaves a token to go on with (connector.md §3.3);
      // of the catalogues only the kept lists: the live ones are fetched behind it.
      await Promise.all(backends.flatMap(({ catalogue, credentials }) => [credentials.describe(), catalogue.start()]))
      return { url: `http://${toAddress(host)}:${bound}`, port: bound }
    },
    async stop() {
      const drainMs = config.server.drain_seconds * 1000
      await Promise.all([server.stop(drainMs), ollamaServer?.stop(drainMs)])
      await Promise.all([store.close(), tokens.flush()])
      await close()
    },
  }
}

/** What a client on this machine can connect to, as it stands in a URL. */
function toAddress(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}

function toForms(doors: readonly Frontend[]): Map<string, SocketForm> {
  return new Map(
    doors.flatMap(({ paths, socket }) =>
      socket === undefined ? [] : paths.map((path): [string, SocketForm] => [path, socket]),
    ),
  )
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

function toRequestLimits(server: LoadedConfig['config']['server']): RequestLimits {
  return {
    maxHeaderBytes: server.max_header_bytes,
    maxConcurrentRequests: server.max_concurrent_requests,
    headersWithinMs: server.header_seconds * 1000,
    requestWithinMs: server.request_seconds * 1000,
  }
}

function createResponseStore(
  { type, ttl_hours: hours, max_responses: maxResponses, max_bytes: maxBytes }: LoadedConfig['config']['store'],
  stateDirectory: string,
  warn: (fields: JsonObject, message: string) => void,
): SqliteResponseStore {
  const path = type === 'memory' ? ':memory:' : join(stateDirectory, 'responses.sqlite')
  return new SqliteResponseStore({ path, limits: { maxResponses, maxBytes, maxAgeMs: hours * 3_600_000 }, warn })
}
