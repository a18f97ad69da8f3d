import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AccountPool } from '../accounts/account-pool.ts'
import type { CredentialPool } from '../accounts/credential-pool.ts'
import { createCredentialSource } from '../accounts/credential-source.ts'
import { type OAuthSend, toIssuer } from '../accounts/oauth.ts'
import { createTokenSource } from '../accounts/token-source.ts'
import { type CallOptions, fetchModels, fetchUsage, probe } from '../backends/openai-codex/backend-calls.ts'
import { type ClientIdentity, effectiveClientVersion, toClientIdentity } from '../backends/openai-codex/cli-profile.ts'
import { createCompress } from '../backends/openai-codex/compression.ts'
import { CookieJar } from '../backends/openai-codex/cookies.ts'
import { type Forwarded, type ForwardedPath, forward } from '../backends/openai-codex/forward.ts'
import type { HttpClient } from '../backends/openai-codex/http-client.ts'
import type { LimitsBoard } from '../backends/openai-codex/limits-board.ts'
import { createMediaCalls, type MediaCalls } from '../backends/openai-codex/media-calls.ts'
import type { ProxySettings } from '../backends/openai-codex/proxy.ts'
import { fromUsage, type RateLimits } from '../backends/openai-codex/rate-limits.ts'
import { resolveRemoteImages } from '../backends/openai-codex/remote-images.ts'
import { SocketTransport } from '../backends/openai-codex/websocket/socket-transport.ts'
import { toCheckUrl, WorkspaceFinder } from '../backends/openai-codex/workspace.ts'
import type { Instance, LoadedConfig } from '../config/load.ts'
import { variable } from '../config/paths.ts'
import type { Backend } from '../gateway/backend.ts'
import type { JsonObject } from '../lib/json.ts'
import type { Logger } from '../lib/logger.ts'
import { packageVersion } from '../lib/version.ts'
import { Catalogue } from '../models/catalogue.ts'
import { toModelCacheName } from '../models/model-cache.ts'
import type { CapabilityLayer } from '../turn/capabilities.ts'
import type { CredentialSource } from '../turn/connector.ts'
import { toAuthSearch } from './auth-search.ts'

export interface WiredBackend extends Backend, MediaCalls {
  readonly transport: SocketTransport
  readonly catalogue: Catalogue
  readonly models: readonly string[]
  /** What was seen last of the account in use; undefined = nothing yet. */
  seen(): RateLimits | undefined
  /** @param credentials in place of the instance's own */
  usage(signal: AbortSignal, credentials?: CredentialSource): Promise<{ raw: JsonObject; view: RateLimits }>
  /** Names of the accounts it uses; none = the one it was given or found. */
  readonly accounts: readonly string[]
  /** The sign-in of any named account, as this instance would use it. */
  account(name: string): CredentialSource
  /** A call besides turns, as `forward` makes it. @throws GatewayError */
  forward(path: ForwardedPath, body: JsonObject, signal: AbortSignal): Promise<Forwarded>
  /** The status that an address answers without a token. @throws GatewayError if nobody answers */
  probe(url: string, signal: AbortSignal): Promise<number>
}

export interface Shared {
  readonly loaded: LoadedConfig
  readonly log: Logger
  readonly client: HttpClient
  readonly proxy: ProxySettings
  /** Towards the issuer. */
  readonly send: OAuthSend
  readonly pool: CredentialPool
  readonly limits: LimitsBoard
}

const CATALOGUE_WAIT_MS = 2000

/** How long a first turn waits for the live catalogue, ms: together with its own limit it must not take twice that limit. */
export function firstCatalogueWaitMs(timeoutMs: number): number {
  return Math.min(CATALOGUE_WAIT_MS, Math.floor(timeoutMs / 2))
}

/** One configured instance with everything it needs. */
export function wireBackend(instance: Instance, shared: Shared): WiredBackend {
  const { loaded, log, client, proxy, limits } = shared
  const { env, home, paths } = loaded
  const { codex } = instance.extra
  const codexHome = variable(env, 'CODEX_HOME') ?? join(home, '.codex')
  const { host } = new URL(instance.baseUrl)
  const cliCachePath = join(codexHome, 'models_cache.json')
  const clientVersion = effectiveClientVersion(codex.client_version, readCliVersion(cliCachePath))
  const identity = toClientIdentity(codex.client_identity, clientVersion, packageVersion())
  const credentials = createAccounts(instance, identity, shared)
  const call: CallOptions = { client, credentials, identity, baseUrl: instance.baseUrl }
  const catalogue = new Catalogue({
    instance: instance.name,
    clientVersion,
    fetchModels: (signal) => fetchModels(call, signal),
    cachePath: join(paths.cacheDirectory, toModelCacheName(instance.name, instance.baseUrl)),
    cliCachePath,
    log,
  })
  const workspaces = new WorkspaceFinder({ client, identity, checkUrl: toCheckUrl(instance.baseUrl) })
  const cookies = new CookieJar()
  const timeoutMs = instance.timeout * 1000
  let accountId = ''
  const observer: Backend['observer'] = {
    answered: (response, credential) => {
      accountId = credential.accountId ?? ''
      cookies.keep(accountId, response.setCookies)
      catalogue.etagSeen(response.headers['x-models-etag'])
    },
  }
  return {
    name: instance.name,
    models: instance.models,
    responsesUrl: instance.responsesUrl,
    host,
    timeoutMs,
    transport: new SocketTransport({ client, mode: codex.transport, proxy }),
    credentials,
    identity,
    catalogue,
    workspaces,
    cookies,
    observer,
    limits,
    payload: toPayloadOptions(instance),
    ready: async (signal) => {
      // Signals and timers are dear; nearly always there is nothing to wait for.
      if (!catalogue.isFirstUnderWay) return
      const waitMs = firstCatalogueWaitMs(timeoutMs)
      await catalogue.ready(AbortSignal.any([signal, AbortSignal.timeout(waitMs)]))
    },
    reasoningReplay: codex.reasoning_replay,
    capabilities: toLayers(instance),
    compress: createCompress(codex.request_compression, host),
    resolveImages: (images, signal) =>
      resolveRemoteImages(images, { mode: codex.remote_images, exemptHosts: codex.remote_image_hosts }, signal),
    seen: () => limits.of(accountId),
    accounts: instance.accounts,
    account: (name) => createCredentials(instance, identity, shared, name),
    async usage(signal, other = credentials) {
      const raw = await fetchUsage({ ...call, credentials: other }, signal)
      accountId = (await other.current(signal)).accountId ?? ''
      return { raw, view: limits.see(accountId, fromUsage(raw)) }
    },
    ...createMediaCalls({ ...call, timeoutMs, cookies, workspaces, observer }),
    forward: (path, body, signal) => forward({ ...call, cookies, timeoutMs, path, body }, signal),
    probe: (url, signal) => probe(call, url, signal),
  }
}

/** One account, or several behind one face. */
function createAccounts(instance: Instance, identity: ClientIdentity, shared: Shared): CredentialSource {
  const { accounts, account_strategy: strategy, failover } = instance
  if (accounts.length === 0) return createCredentials(instance, identity, shared)
  return new AccountPool({
    accounts: accounts.map((name) => ({ name, credentials: createCredentials(instance, identity, shared, name) })),
    strategy,
    failover,
    usedPercent: (accountId) => {
      const windows = shared.limits.of(accountId)?.windows
      return windows === undefined ? undefined : Math.max(0, ...windows.map(({ used_percent: used }) => used))
    },
  })
}

function createCredentials(
  instance: Instance,
  { originator, userAgent }: ClientIdentity,
  { loaded, log, send, pool }: Shared,
  account?: string,
): CredentialSource {
  const { env } = loaded
  const caller = { originator, userAgent, send }
  const token = variable(env, 'CODEX_ACCESS_TOKEN')
  // As the CLI has it, the variable beats the file; a file that was named for this instance is meant all the same.
  const isNamed = (account ?? instance.codex_path ?? instance.account) !== undefined
  if (token?.startsWith('at-') === true && !isNamed) {
    const issuer = toIssuer({ oauthIssuer: instance.oauth_issuer }, undefined)
    return createTokenSource({ token, name: 'CODEX_ACCESS_TOKEN', issuer, ...caller })
  }
  return createCredentialSource({
    search: toAuthSearch(instance, loaded, account),
    tokenRefresh: instance.token_refresh,
    allowApiKey: new URL(instance.baseUrl).hostname !== 'chatgpt.com',
    oauthIssuer: instance.oauth_issuer,
    tokenUrlOverride: variable(env, 'CODEX_REFRESH_TOKEN_URL_OVERRIDE'),
    warn: (fields, message) => log.warn(fields, message),
    pool,
    ...caller,
  })
}

function toPayloadOptions({ extra: { codex } }: Instance): Backend['payload'] {
  const { prompt, tool_schema: toolSchema } = codex
  return {
    responsesShape: codex.responses_shape,
    allowedParams: codex.allowed_params,
    prompt: {
      template: prompt.template ?? undefined,
      prepend: prompt.prepend,
      append: prompt.append,
      deduplicate: prompt.deduplicate,
      fallbackToDefault: prompt.fallback_to_default,
    },
    toolSchema: { baseTools: toolSchema.base_tools, customTools: toolSchema.custom_tools },
  }
}

/** Agent names compare without case and up to the first `/` (connector.md §5.2). */
function toLayers({ extra: { codex } }: Instance): Backend['capabilities'] {
  const agents = Object.entries(codex.agent_capabilities).map(([name, layer]) => [
    name.toLowerCase().split('/', 1)[0] ?? '',
    toLayer(layer),
  ])
  return { defaults: toLayer(codex.default_capabilities), agents: Object.fromEntries(agents) }
}

function toLayer(layer: Record<string, unknown>): CapabilityLayer {
  return Object.fromEntries(Object.entries(layer).filter(([, value]) => value !== null && value !== undefined))
}

function readCliVersion(path: string): string | undefined {
  try {
    const { client_version: version } = JSON.parse(readFileSync(path, 'utf8')) as { client_version?: unknown }
    return typeof version === 'string' ? version : undefined
  } catch {
    return undefined
  }
}
