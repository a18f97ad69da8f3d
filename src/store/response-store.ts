import { BoundedCache } from '../lib/bounded-cache.ts'
import { type JsonObject, stringAt } from '../lib/json.ts'
import type { InputItem } from '../turn/turn.ts'

interface StoredResponse {
  /** The whole conversation up to and including the answer, ready to be sent again. */
  readonly history: readonly InputItem[]
}

const LIMITS = { maxEntries: 1000, maxBytes: 64 * 1024 * 1024, maxAgeMs: 3_600_000 }

/**
 * Answers kept for `previous_response_id` and `item_reference` (connector.md §11.2). In memory, bounded, and separate
 * for each gateway key.
 */
export class ResponseStore {
  readonly #responses: BoundedCache<StoredResponse>
  /** Output items by id, each holding a reference into `#responses`' arrays; the size counts the key only. */
  readonly #items: BoundedCache<InputItem>

  constructor(now: () => number = Date.now) {
    this.#responses = new BoundedCache(LIMITS, now)
    this.#items = new BoundedCache({ ...LIMITS, maxEntries: 10_000 }, now)
  }

  /** @param inputBytes about how much `input` weighs as JSON */
  remember(keyId: string, response: JsonObject, input: readonly InputItem[], inputBytes: number): void {
    const id = stringAt(response, 'id')
    if (id === undefined || !Array.isArray(response.output)) return
    const output: JsonObject[] = response.output
    const cleaned = output.map(toInputItem)
    const sizes = cleaned.map((item) => JSON.stringify(item).length)
    const sizeBytes = sizes.reduce((sum, size) => sum + size, inputBytes)
    this.#responses.set(scoped(keyId, id), { history: [...input, ...cleaned] }, sizeBytes)
    for (const [index, item] of output.entries()) {
      const itemId = stringAt(item, 'id')
      const kept = cleaned[index]
      if (itemId !== undefined && kept !== undefined) {
        this.#items.set(scoped(keyId, itemId), kept, sizes[index] ?? 0)
      }
    }
  }

  history(keyId: string, responseId: string): readonly InputItem[] | undefined {
    return this.#responses.get(scoped(keyId, responseId))?.history
  }

  item(keyId: string, itemId: string): InputItem | undefined {
    return this.#items.get(scoped(keyId, itemId))
  }
}

/** Ids and status belong to the answer; the backend refuses or misreads them in an input (connector.md §8.1 row 6). */
function toInputItem(item: JsonObject): InputItem {
  const { id: _id, status: _status, ...rest } = item
  if (rest.type === 'reasoning' && rest.content === null) delete rest.content
  return rest
}

function scoped(keyId: string, id: string): string {
  return `${keyId}\n${id}`
}
