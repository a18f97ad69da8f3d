import type { JsonObject } from '../lib/json.ts'
import type { InputItem } from '../turn/turn.ts'

/** An answer as it is handed in. */
export interface Answer {
  /** Short name of the gateway key: answers of one key do not exist for another. */
  readonly keyId: string
  /** The response object as the client got it. */
  readonly response: JsonObject
  /** The request's own input; what came before it is told by `previousResponseId`. */
  readonly input: readonly InputItem[]
  readonly previousResponseId: string | undefined
}

export interface StoredResponse {
  readonly response: JsonObject
  /** The whole conversation before the answer, earlier answers included. */
  readonly input: readonly InputItem[]
}

/**
 * Answers kept for `previous_response_id`, `item_reference` and `GET /v1/responses/{id}` (connector.md §11.2). Bounded in
 * number, size and age; the least recently used go first. Asynchronous, so that it may be elsewhere.
 */
export interface ResponseStore {
  remember(answer: Answer): Promise<void>
  /** The conversation up to and including the answer, ready to be sent again; undefined if a part of it is not there. */
  history(keyId: string, responseId: string): Promise<readonly InputItem[] | undefined>
  /** An output item by its id, ready to be sent again. */
  item(keyId: string, itemId: string): Promise<InputItem | undefined>
  find(keyId: string, responseId: string): Promise<StoredResponse | undefined>
  /** Answers that go on from it stay whole. @returns false if there was none */
  delete(keyId: string, responseId: string): Promise<boolean>
  close(): Promise<void>
}

/** Answers that later requests may name. */
export interface ResponseMemory {
  /** @param inputBytes about how much the conversation before the answer weighs as JSON */
  remember(answer: Answer, inputBytes: number): Promise<void>
  history: ResponseStore['history']
  item: ResponseStore['item']
}

export interface StoreLimits {
  readonly maxResponses: number
  /** Sum of what the answers and their inputs weigh as JSON. */
  readonly maxBytes: number
  /** Since the last use. */
  readonly maxAgeMs: number
}

/** Ids and status belong to the answer; the backend refuses or misreads them in an input (connector.md §8.1 row 6). */
export function toInputItem(item: JsonObject): InputItem {
  const { id: _id, status: _status, ...rest } = item
  if (rest.type === 'reasoning' && rest.content === null) delete rest.content
  return rest
}
