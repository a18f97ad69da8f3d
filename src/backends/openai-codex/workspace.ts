import { arrayAt, isObject, type JsonObject, parseJsonObject, stringAt } from '../../lib/json.ts'
import type { Credential } from '../../turn/connector.ts'
import { toWhamUrl } from './backend-urls.ts'
import type { ClientIdentity } from './cli-profile.ts'
import { buildCallHeaders } from './headers.ts'
import type { HttpClient } from './http-client.ts'

/** Where an account's turns go, as `accounts/check` says (upstream.md §4). */
export interface Workspace {
  /** Undefined = the configured base. */
  readonly origin: string | undefined
  /** Value of `x-openai-account-routing-override`; undefined = the header is left out. */
  readonly routingOverride: 'us' | 'us_cr' | undefined
}

export const ANY_WORKSPACE: Workspace = { origin: undefined, routingOverride: undefined }

const DEFAULT_BASE = 'https://chatgpt.com/backend-api/codex'

/** Only ChatGPT itself may name the place a token is sent to (connector.md §3.7); undefined = never ask. */
export function toCheckUrl(baseUrl: string): string | undefined {
  return baseUrl.replace(/\/+$/, '') === DEFAULT_BASE ? toWhamUrl(baseUrl, 'accounts/check') : undefined
}

/** The account's entry, if it is whole and trustworthy; otherwise turns go where they always went. */
export function toWorkspace(body: JsonObject, accountId: string): Workspace {
  const entry = arrayAt(body, 'accounts')
    ?.filter(isObject)
    .find((account) => account.id === accountId || account.account_id === accountId)
  const origin = entry && toTrustedOrigin(stringAt(entry, 'workspace_backend_origin'))
  const override = entry && stringAt(entry, 'account_routing_override')
  if (origin === undefined) return ANY_WORKSPACE
  if (override === 'us' || override === 'us_cr') return { origin, routingOverride: override }
  return override === 'NO_CONSTRAINT' ? { origin, routingOverride: undefined } : ANY_WORKSPACE
}

/** Https on chatgpt.com or below, and nothing but an origin. */
function toTrustedOrigin(text: string | undefined): string | undefined {
  const url = text === undefined ? null : URL.parse(text)
  if (url === null || url.protocol !== 'https:') return undefined
  const isTrusted = url.hostname === 'chatgpt.com' || url.hostname.endsWith('.chatgpt.com')
  return isTrusted && url.href === `${url.origin}/` && url.port === '' ? url.origin : undefined
}

export interface WorkspaceOptions {
  readonly client: HttpClient
  readonly identity: ClientIdentity
  /** Of `toCheckUrl`. */
  readonly checkUrl: string | undefined
}

const TIMEOUT_MS = 10_000
/** After a failed call, turns take the usual way this long before the backend is asked again. */
const RETRY_PAUSE_MS = 600_000
const MAX_ACCOUNTS = 1000
const MAX_BODY_BYTES = 1024 * 1024

interface Known {
  readonly workspace: Promise<Workspace>
  /** undefined = the call succeeded or is under way. */
  failedAtMs: number | undefined
}

/** Asks once per account. A call that fails costs nothing but the wait: turns then take the usual way. */
export class WorkspaceFinder {
  readonly #options: WorkspaceOptions
  readonly #known = new Map<string, Known>()

  constructor(options: WorkspaceOptions) {
    this.#options = options
  }

  /** @throws only the signal's reason */
  async find(credential: Credential, signal: AbortSignal): Promise<Workspace> {
    const { accountId, kind } = credential
    const { checkUrl } = this.#options
    if (checkUrl === undefined || accountId === undefined || kind === 'api_key') return ANY_WORKSPACE

    const known = this.#known.get(accountId)
    const isOld = known?.failedAtMs !== undefined && Date.now() - known.failedAtMs > RETRY_PAUSE_MS
    const { workspace } = known === undefined || isOld ? this.#ask(checkUrl, accountId, credential) : known
    return unlessAborted(workspace, signal)
  }

  #ask(checkUrl: string, accountId: string, credential: Credential): Known {
    // The call is shared, hence no request's own signal; its time limit ends it.
    const workspace = this.#call(checkUrl, accountId, credential).catch(() => {
      known.failedAtMs = Date.now()
      return ANY_WORKSPACE
    })
    const known: Known = { workspace, failedAtMs: undefined }
    if (this.#known.size >= MAX_ACCOUNTS) this.#known.clear()
    this.#known.set(accountId, known)
    return known
  }

  async #call(url: string, accountId: string, credential: Credential): Promise<Workspace> {
    const { client, identity } = this.#options
    const request = {
      method: 'GET',
      url,
      headers: toWhamHeaders(buildCallHeaders(identity, credential)),
      timeoutMs: TIMEOUT_MS,
    } as const
    const { status, body } = await client.request(request, AbortSignal.timeout(TIMEOUT_MS))
    const answer = parseJsonObject(await body.text(MAX_BODY_BYTES))
    if (status !== 200 || answer === undefined) throw new Error(`HTTP ${status}`)
    return toWorkspace(answer, accountId)
  }
}

const WHAM_HEADERS = ['user-agent', 'authorization', 'chatgpt-account-id', 'x-openai-fedramp', 'accept']

/** The CLI sends fewer headers to `wham/`, in another order (upstream.md §4). */
export function toWhamHeaders(headers: readonly (readonly [string, string])[]): (readonly [string, string])[] {
  return WHAM_HEADERS.flatMap((name) => headers.filter((header) => header[0] === name))
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const onAbort = () => reject(signal.reason)
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  return promise
}
