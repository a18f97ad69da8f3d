import type { Credential } from '../../turn/connector.ts'
import { CLI_PROFILE, type ClientIdentity } from './cli-profile.ts'
import { type Identity, type RequestKind, toTurnMetadata } from './identity.ts'
import type { Payload } from './payload.ts'

export interface HeaderInput {
  readonly identity: Identity
  readonly client: ClientIdentity
  readonly credential: Credential
  readonly payload: Payload
  /** The Codex CLI's own headers, which replace ours (connector.md §12.2); empty for other clients. */
  readonly codexHeaders: Readonly<Record<string, string>>
  readonly turnState: string | undefined
  readonly cookie: string | undefined
  readonly contentEncoding: 'zstd' | undefined
  /** `x-openai-account-routing-override`, if accounts/check said so. */
  readonly routingOverride: string | undefined
}

/** The Codex CLI's headers in its order (upstream.md §1.1), and nothing besides. */
export function buildHeaders(input: HeaderInput): [string, string][] {
  return inOrder(CLI_PROFILE.headerOrder, {
    ...commonHeaders(input, 'turn'),
    'x-codex-turn-state': input.turnState,
    'x-openai-internal-codex-responses-lite': input.payload.isLite ? 'true' : undefined,
    ...input.codexHeaders,
    accept: 'text/event-stream',
    'content-encoding': input.contentEncoding,
    'content-type': 'application/json',
  })
}

/** The headers of a WebSocket upgrade, behind those that make it one (upstream.md §2). */
export function buildUpgradeHeaders(input: HeaderInput, kind: RequestKind): [string, string][] {
  const { upgradeHeaderOrder, upgradeHeaderOrderWithCookie } = CLI_PROFILE
  return inOrder(input.cookie === undefined ? upgradeHeaderOrder : upgradeHeaderOrderWithCookie, {
    ...commonHeaders(input, kind),
    ...input.codexHeaders,
    'openai-beta': CLI_PROFILE.webSocketBeta,
  })
}

type HeaderValues = Record<string, string | undefined>

function commonHeaders(input: HeaderInput, kind: RequestKind): HeaderValues {
  const { identity, client, credential, payload } = input
  const { sessionId } = identity
  return {
    version: client.clientVersion,
    'x-codex-beta-features': CLI_PROFILE.betaFeatures,
    'x-codex-window-id': `${sessionId}:0`,
    'x-codex-turn-metadata': toTurnMetadata(identity, payload.fields, kind),
    'x-codex-routing-hint': credential.kind === 'api_key' ? undefined : toRoutingHint(payload),
    'x-client-request-id': sessionId,
    'session-id': sessionId,
    'thread-id': sessionId,
    'x-openai-account-routing-override': input.routingOverride,
    ...authHeaders(credential),
    originator: client.originator,
    'user-agent': client.userAgent,
    cookie: input.cookie,
  }
}

function inOrder(order: readonly string[], values: HeaderValues): [string, string][] {
  const headers: [string, string][] = []
  for (const name of order) {
    const value = values[name]
    if (value !== undefined && isSafe(value)) headers.push([name, value])
  }
  return headers
}

/** Headers of the CLI's other calls: models, usage, accounts/check (upstream.md §3, §4). */
export function buildCallHeaders(client: ClientIdentity, credential: Credential): [string, string][] {
  const auth = Object.entries(authHeaders(credential)).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as [string, string]],
  )
  return [
    ['version', client.clientVersion],
    ...auth,
    ['originator', client.originator],
    ['user-agent', client.userAgent],
    ['accept', '*/*'],
  ]
}

export interface PostHeaders {
  readonly contentType: string
  /** Of an image call (capture [63]). */
  readonly imageTurnId?: string
  readonly cookie: string | undefined
}

/** Headers of the CLI's calls that bring a body, in the order of capture [63]. */
export function buildPostHeaders(
  client: ClientIdentity,
  credential: Credential,
  { contentType, imageTurnId, cookie }: PostHeaders,
): [string, string][] {
  return inOrder(POST_HEADER_ORDER, {
    ...Object.fromEntries(buildCallHeaders(client, credential)),
    'x-codex-image-turn-id': imageTurnId,
    'content-type': contentType,
    cookie,
  })
}

const POST_HEADER_ORDER = [
  'version',
  'x-codex-image-turn-id',
  'authorization',
  'chatgpt-account-id',
  'x-openai-fedramp',
  'content-type',
  'originator',
  'user-agent',
  'accept',
  'cookie',
]

function authHeaders(credential: Credential): Record<string, string | undefined> {
  return {
    authorization: `Bearer ${credential.token}`,
    'chatgpt-account-id': credential.accountId,
    'x-openai-fedramp': credential.isFedramp ? 'true' : undefined,
  }
}

function toRoutingHint({ fields }: Payload): string {
  const tier = fields.service_tier === undefined ? '' : `;tier=${fields.service_tier}`
  return `model=${fields.model}${tier}`
}

/** A client's value that HTTP cannot carry is left out rather than bent. */
function isSafe(value: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(value)
}
