import type { Payload } from '../backends/openai-codex/payload.ts'
import type { ResponseMemory } from '../store/response-store.ts'
import type { Credential, CredentialSource } from '../turn/connector.ts'
import type { ModelSettings, ResolvedModel } from '../turn/model.ts'
import type { InputItem } from '../turn/turn.ts'
import type { Backend } from './backend.ts'
import type { PreparedTurn } from './gateway.ts'
import type { TurnInProgress } from './turn-memory.ts'

/** A turn with all that was decided about it. */
export interface ReadyTurn extends PreparedTurn {
  readonly backend: Backend
  readonly resolved: ResolvedModel
  readonly settings: ModelSettings
  readonly payload: Payload
  /** The account of this turn. */
  readonly credentials: CredentialSource
  readonly credential: Credential
  readonly memory: ResponseMemory | undefined
  /** The request's input without the conversation that `previous_response_id` stands for. */
  readonly ownInput: readonly InputItem[]
  readonly sent: SentTurn
}

/** What becomes known of a turn as it is sent. */
export interface SentTurn {
  conversation: Conversation | undefined
}

export interface Conversation {
  readonly accountId: string
  readonly key: string
  readonly sessionId: string
  readonly turn: TurnInProgress
}
