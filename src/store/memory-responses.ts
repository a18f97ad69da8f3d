import { BoundedCache, type CacheLimits } from '../lib/bounded-cache.ts'
import { isObject, stringAt } from '../lib/json.ts'
import type { InputItem } from '../turn/turn.ts'
import { type Answer, type ResponseMemory, toInputItem } from './response-store.ts'

/** Answers of one connection, stored or not: gone with it. */
export class MemoryResponses implements ResponseMemory {
  readonly #histories: BoundedCache<readonly InputItem[]>
  /** Output items by id, each holding a reference into the histories; the size counts the item only. */
  readonly #items: BoundedCache<InputItem>

  constructor(limits: CacheLimits, now: () => number = Date.now) {
    this.#histories = new BoundedCache(limits, now)
    this.#items = new BoundedCache({ ...limits, maxEntries: limits.maxEntries * 10 }, now)
  }

  /** `answer.input` must be the whole conversation before it. */
  async remember({ keyId, response, input }: Answer, inputBytes: number): Promise<void> {
    const id = stringAt(response, 'id')
    if (id === undefined || !Array.isArray(response.output)) return
    const output = response.output.filter(isObject)
    const cleaned = output.map(toInputItem)
    const sizes = cleaned.map((item) => JSON.stringify(item).length)
    const sizeBytes = sizes.reduce((sum, size) => sum + size, inputBytes)
    this.#histories.set(scoped(keyId, id), [...input, ...cleaned], sizeBytes)
    for (const [index, item] of output.entries()) {
      const itemId = stringAt(item, 'id')
      const kept = cleaned[index]
      if (itemId !== undefined && kept !== undefined) this.#items.set(scoped(keyId, itemId), kept, sizes[index] ?? 0)
    }
  }

  async history(keyId: string, responseId: string): Promise<readonly InputItem[] | undefined> {
    return this.#histories.get(scoped(keyId, responseId))
  }

  async item(keyId: string, itemId: string): Promise<InputItem | undefined> {
    return this.#items.get(scoped(keyId, itemId))
  }
}

function scoped(keyId: string, id: string): string {
  return `${keyId}\n${id}`
}
