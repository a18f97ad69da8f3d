import { type JsonObject, stringAt } from '../lib/json.ts'
import type { ResponseStore } from '../store/response-store.ts'
import { GatewayError } from '../turn/errors.ts'
import type { InputItem, Turn } from '../turn/turn.ts'

/** A Turn whose input stands on its own, and what had to be left out of it. */
export interface ExpandedHistory {
  readonly input: InputItem[]
  /** The part of it that came with this request. */
  readonly own: readonly InputItem[]
  /** `input[i]` of each reference to an item nobody here knows. */
  readonly dropped: readonly string[]
}

/**
 * Puts the earlier conversation before the new input and replaces references by the items themselves, since the backend
 * keeps nothing (connector.md §11.2, §8.1 rows 7 and 14).
 * @throws GatewayError `previous_response_not_found`
 */
export async function expandHistory(turn: Turn, store: ResponseStore): Promise<ExpandedHistory> {
  const dropped: string[] = []
  const own: InputItem[] = []
  for (const [index, item] of turn.body.input.entries()) {
    const isReference = item.type === 'item_reference'
    const known = isReference ? await store.item(turn.client.keyId, stringAt(item, 'id') ?? '') : item
    if (known === undefined) dropped.push(`input[${index}]`)
    else own.push(known)
  }
  return { input: [...(await previousItems(turn, store)), ...own], own, dropped }
}

async function previousItems(turn: Turn, store: ResponseStore): Promise<readonly InputItem[]> {
  const id = turn.previousResponseId
  if (id === undefined) return []
  const history = await store.history(turn.client.keyId, id)
  if (history !== undefined) return history
  throw new GatewayError(
    'previous_response_not_found',
    `Previous response "${id}" is not known here: it was not stored, is too old, was deleted, or belongs to another key. Send the whole conversation in "input" instead.`,
    { param: 'previous_response_id' },
  )
}

export function withoutReasoning(input: readonly JsonObject[]): JsonObject[] {
  return input.filter((item) => item.type !== 'reasoning')
}
