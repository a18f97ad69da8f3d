import type { ClientIdentity } from '../backends/openai-codex/cli-profile.ts'
import type { CookieJar } from '../backends/openai-codex/cookies.ts'
import type { LimitsBoard } from '../backends/openai-codex/limits-board.ts'
import type { PayloadOptions } from '../backends/openai-codex/payload.ts'
import type { TransportObserver } from '../backends/openai-codex/transport.ts'
import type { SocketTransport } from '../backends/openai-codex/websocket/socket-transport.ts'
import type { WorkspaceFinder } from '../backends/openai-codex/workspace.ts'
import type { CapabilityLayer } from '../turn/capabilities.ts'
import type { CredentialSource } from '../turn/connector.ts'
import type { RemoteImage } from '../turn/turn.ts'

/** One configured instance, wired. */
export interface Backend {
  readonly name: string
  /** Where turns are posted. */
  readonly responsesUrl: string
  /** Of `responsesUrl`, with the port. */
  readonly host: string
  readonly timeoutMs: number
  readonly transport: Pick<SocketTransport, 'open'>
  readonly credentials: CredentialSource
  readonly identity: ClientIdentity
  readonly workspaces: Pick<WorkspaceFinder, 'find'>
  readonly cookies: CookieJar
  readonly observer: Pick<TransportObserver, 'answered'>
  readonly limits: LimitsBoard
  readonly payload: PayloadOptions
  /** Waits a moment for a first catalogue that is under way, so that the first turn knows its model. */
  readonly ready: (signal: AbortSignal) => Promise<void>
  readonly reasoningReplay: boolean
  readonly capabilities: {
    readonly defaults: CapabilityLayer
    readonly agents: Readonly<Record<string, CapabilityLayer>>
  }
  /** The body as it goes over the wire. */
  readonly compress: (body: string) => Promise<{ body: Buffer | string; encoding: 'zstd' | undefined }>
  /** Brings images from elsewhere into the turn (connector.md §7.3). */
  readonly resolveImages: (images: readonly RemoteImage[], signal: AbortSignal) => Promise<void>
}
