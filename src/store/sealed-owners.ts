import { createHash } from 'node:crypto'
import { BoundedCache } from '../lib/bounded-cache.ts'
import { type JsonObject, stringAt } from '../lib/json.ts'
import type { InputItem } from '../turn/turn.ts'

const LIMITS = { maxEntries: 20_000, maxBytes: 20_000, maxAgeMs: 24 * 3_600_000 }

/** Which account sealed which reasoning, so that it is never shown to another. */
export class SealedOwners {
  readonly #owners: BoundedCache<string>

  constructor(now: () => number = Date.now) {
    this.#owners = new BoundedCache(LIMITS, now)
  }

  remember(accountId: string, output: readonly JsonObject[]): void {
    for (const item of output) {
      const key = keyOf(item)
      if (key !== undefined) this.#owners.set(key, accountId, 1)
    }
  }

  /** Without what another account is known to have sealed. */
  without(accountId: string, input: readonly InputItem[]): InputItem[] {
    return input.filter((item) => {
      const key = keyOf(item)
      const owner = key === undefined ? undefined : this.#owners.get(key)
      return owner === undefined || owner === accountId
    })
  }
}

/** `undefined` for an item that seals nothing. */
function keyOf(item: JsonObject): string | undefined {
  const sealed = stringAt(item, 'encrypted_content')
  return sealed === undefined ? undefined : createHash('sha256').update(sealed).digest('base64')
}
