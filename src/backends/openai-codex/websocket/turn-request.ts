import type { Credential } from '../../../turn/connector.ts'
import type { Identity, RequestKind } from '../identity.ts'
import type { Payload } from '../payload.ts'
import type { TurnRequest } from '../transport.ts'
import type { AnswerForm } from './match-answer.ts'
import type { Conversation } from './socket-pool.ts'

/** What a WebSocket try needs to know for one credential. */
export interface SocketAttempt {
  /** The responses URL, http or https. */
  readonly url: string
  readonly conversation: Conversation
  readonly identity: Identity
  readonly headers: (kind: RequestKind) => [string, string][]
}

/** A turn that may go either way. */
export interface SocketTurnRequest extends TurnRequest {
  readonly payload: Payload
  readonly form: AnswerForm
  readonly prepareSocket: (credential: Credential) => Promise<SocketAttempt>
}
