import type { JsonObject } from '../lib/json.ts'
import type { ResponseMemory } from '../store/response-store.ts'
import type { Capabilities } from '../turn/capabilities.ts'
import type { OpenStream } from '../turn/connector.ts'
import type { Turn } from '../turn/turn.ts'

/** A turn that is ready to be sent: checked, resolved, its images fetched. */
export interface PreparedTurn {
  readonly turn: Turn
  readonly capabilities: Capabilities
  /** The backend's name of the model. */
  readonly slug: string
  /** Names of what was left out, in the order of the client's body. */
  readonly dropped: readonly string[]
  /** `name=value` of what a rule changed. */
  readonly adjusted: readonly string[]
}

export interface OpenTurn extends OpenStream {
  /** The response object as the client got it; complete once `events` has ended. */
  response(): JsonObject
}

/** What the server needs of the pipeline. */
export interface Gateway<P extends PreparedTurn = PreparedTurn> {
  /**
   * @param memory what this client alone may go on from, stored or not; asked first, and told of the answer
   * @throws GatewayError for everything that can be known before the backend is called
   */
  prepare(turn: Turn, signal: AbortSignal, memory?: ResponseMemory): Promise<P>
  /** Resolves once the backend's answer has begun well. @throws GatewayError with the true status */
  open(prepared: P, signal: AbortSignal): Promise<OpenTurn>
}
