import type { GatewayError } from './errors.ts'
import type { TurnStream } from './events.ts'

/** What authenticates one attempt. Rebuilt for every attempt; never logged. */
export interface Credential {
  readonly token: string
  readonly kind: 'chatgpt' | 'personal_access_token' | 'api_key'
  /** Header `chatgpt-account-id`; undefined = the header is left out. */
  readonly accountId: string | undefined
  readonly isFedramp: boolean
}

/** Where a backend instance gets its credential. Errors are GatewayErrors of connector.md §3.5. */
export interface CredentialSource {
  /** Re-reads the file when it changed, refreshes when due. */
  current(signal: AbortSignal): Promise<Credential>
  /** After the backend's 401: another token from the file, else one refresh. Throws `codex_auth_expired` when neither is possible. */
  renew(rejected: Credential, signal: AbortSignal): Promise<Credential>
  /** What can be said of the sign-in without network and without secrets. */
  describe(): Promise<CredentialStatus>
  /** Where there are several accounts: the one of this turn. @param conversation equal for all turns of one conversation */
  forTurn?(conversation: string): CredentialSource
  /** Told why a turn failed before any output. @returns another account that may try; undefined = nobody */
  refused?(error: GatewayError): CredentialSource | undefined
}

export interface CredentialStatus {
  readonly state: 'ready' | 'expired' | 'missing' | 'malformed' | 'unusable'
  /** The file in use, or the first path that was looked at. */
  readonly path: string
  readonly searched: readonly string[]
  /** Masked, e.g. `a…@example.com`. */
  readonly email: string | undefined
  readonly plan: string | undefined
  readonly accountId: string | undefined
  readonly expiresAtMs: number | undefined
  /** Where it is renewed. */
  readonly tokenUrl: string
  /** One sentence: what to do next; undefined when ready. */
  readonly nextStep: string | undefined
}

/** An answer whose first event is here. */
export interface OpenStream {
  /** Answer headers for the client (`x-codex-*`, `x-request-id`, `openai-model`), lower-case. */
  readonly headers: Readonly<Record<string, string>>
  readonly events: TurnStream
  readonly stats: TransportStats
}

/** How a turn reached the backend; grows while the turn is being opened. */
export interface TransportStats {
  transport: 'websocket' | 'sse'
  /** Request bytes handed to the connection, packed ones for HTTP, all tries together. */
  bytesSent: number
  /** About how much of the conversation the backend knows, as JSON. */
  contextBytes: number
  /** Items of the conversation that did not have to be sent again. */
  itemsSkipped: number
  /** Connections that were lost before any output and replaced. */
  reconnects: number
  /** How long the WebSocket upgrade took, ms; undefined = an open connection was used, or none. */
  upgradeMs: number | undefined
}
