import { type JsonObject, stringAt } from '../lib/json.ts'
import type { ResponseMemory } from '../store/response-store.ts'
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
 * @param memories the first that knows an id counts
 * @throws GatewayError `previous_response_not_found`
 */
export async function expandHistory(turn: Turn, memories: readonly ResponseMemory[]): Promise<ExpandedHistory> {
  const dropped: string[] = []
  const own: InputItem[] = []
  for (const [index, item] of turn.body.input.entries()) {
    const known = item.type === 'item_reference' ? await findItem(turn, item, memories) : item
    if (known === undefined) dropped.push(`input[${index}]`)
    else own.push(known)
  }
  return { input: [...(await previousItems(turn, memories)), ...own], own, dropped }
}

function findItem({ client }: Turn, item: InputItem, memories: readonly ResponseMemory[]) {
  return firstFound(memories, (memory) => memory.item(client.keyId, stringAt(item, 'id') ?? ''))
}

async function firstFound<T>(
  memories: readonly ResponseMemory[],
  find: (memory: ResponseMemory) => Promise<T | undefined>,
): Promise<T | undefined> {
  for (const memory of memories) {
    const found = await find(memory)
    if (found !== undefined) return found
  }
  return undefined
}

async function previousItems(turn: Turn, memories: readonly ResponseMemory[]): Promise<readonly InputItem[]> {
  const id = turn.previousResponseId
  if (id === undefined) return []
  const history = await firstFound(memories, (memory) => memory.history(turn.client.keyId, id))
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
