export interface CacheLimits {
  readonly maxEntries: number
  /** Sum of the sizes given to `set`; one larger entry is not kept at all. */
  readonly maxBytes: number
  readonly maxAgeMs: number
}

interface Slot<V> {
  readonly value: V
  readonly sizeBytes: number
  readonly storedAtMs: number
}

/** A least-recently-used map with caps on count, size and age. */
export class BoundedCache<V> {
  readonly #limits: CacheLimits
  readonly #now: () => number
  readonly #slots = new Map<string, Slot<V>>()
  #bytes = 0

  constructor(limits: CacheLimits, now: () => number = Date.now) {
    this.#limits = limits
    this.#now = now
  }

  get size(): number {
    return this.#slots.size
  }

  get bytes(): number {
    return this.#bytes
  }

  get(key: string): V | undefined {
    const slot = this.#slots.get(key)
    if (slot === undefined) return undefined
    this.delete(key)
    if (this.#now() - slot.storedAtMs >= this.#limits.maxAgeMs) return undefined
    this.#insert(key, slot)
    return slot.value
  }

  set(key: string, value: V, sizeBytes: number): void {
    this.delete(key)
    if (sizeBytes > this.#limits.maxBytes) return
    this.#insert(key, { value, sizeBytes, storedAtMs: this.#now() })
    if (!this.#isOver) return
    for (const oldest of this.#slots.keys()) {
      this.delete(oldest)
      if (!this.#isOver) return
    }
  }

  get #isOver(): boolean {
    return this.#slots.size > this.#limits.maxEntries || this.#bytes > this.#limits.maxBytes
  }

  delete(key: string): void {
    const slot = this.#slots.get(key)
    if (slot === undefined) return
    this.#slots.delete(key)
    this.#bytes -= slot.sizeBytes
  }

  #insert(key: string, slot: Slot<V>): void {
    this.#slots.set(key, slot)
    this.#bytes += slot.sizeBytes
  }
}
