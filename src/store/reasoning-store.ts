import { createHash } from 'node:crypto'
import { BoundedCache } from '../lib/bounded-cache.ts'
import { isObject, type JsonObject, stringAt } from '../lib/json.ts'
import type { InputItem } from '../turn/turn.ts'

/** Whose reasoning it is: it is sealed for one account and model, and never shown to another gateway key. */
export interface ReasoningScope {
  readonly keyId: string
  readonly accountId: string
  readonly slug: string
}

const LIMITS = { maxEntries: 2000, maxBytes: 64 * 1024 * 1024, maxAgeMs: 3_600_000 }

/** Encrypted reasoning of finished turns, for chat clients that cannot carry it (connector.md §11.3). */
export class ReasoningStore {
  readonly #entries: BoundedCache<readonly InputItem[]>
  /** Lengths of the anchors kept so far, folded: most items of a long history have another one and need no hash. */
  readonly #lengths = new Set<number>()

  constructor(now: () => number = Date.now) {
    this.#entries = new BoundedCache(LIMITS, now)
  }

  /** Keeps the reasoning items of one answer under its call ids, or under its text if it called nothing. */
  remember(scope: ReasoningScope, output: readonly JsonObject[]): void {
    const reasoning = output.filter(isSealedReasoning).map(({ id: _id, status: _status, ...item }) => item)
    if (reasoning.length === 0) return
    const anchors = output.filter(isCall)
    const keys = (anchors.length > 0 ? anchors : output).map((item) => anchorKey(scope, item))
    const sizeBytes = JSON.stringify(reasoning).length
    for (const key of keys) if (key !== undefined) this.#entries.set(key, reasoning, sizeBytes)
    for (const item of anchors.length > 0 ? anchors : output) this.#lengths.add(foldedLength(item))
  }

  /**
   * The conversation with every remembered reasoning put back right before the item it led to, unless the client brought
   * it itself.
   */
  restore(scope: ReasoningScope, input: readonly InputItem[]): InputItem[] {
    const used = new Set<readonly InputItem[]>()
    const brought = new Set(input.filter(isReasoning).map((item) => item.encrypted_content))
    const restored: InputItem[] = []
    for (const item of input) {
      const key = this.#lengths.has(foldedLength(item)) ? anchorKey(scope, item) : undefined
      const reasoning = key === undefined ? undefined : this.#entries.get(key)
      if (reasoning !== undefined && !used.has(reasoning)) {
        used.add(reasoning)
        restored.push(...reasoning.filter((sealed) => !brought.has(sealed.encrypted_content)))
      }
      restored.push(item)
    }
    return restored
  }

  /** Drops what the backend could not read again. */
  forget(scope: ReasoningScope, input: readonly InputItem[]): void {
    for (const item of input) {
      const key = anchorKey(scope, item)
      if (key !== undefined) this.#entries.delete(key)
    }
  }
}

export function isReasoning(item: JsonObject): boolean {
  return item.type === 'reasoning'
}

function isSealedReasoning(item: JsonObject): boolean {
  return isReasoning(item) && typeof item.encrypted_content === 'string' && item.encrypted_content !== ''
}

function isCall(item: JsonObject): boolean {
  return item.type === 'function_call' || item.type === 'custom_tool_call'
}

function anchorKey({ keyId, accountId, slug }: ReasoningScope, item: JsonObject): string | undefined {
  const anchor = anchorOf(item)
  if (anchor === undefined || anchor === '') return undefined
  return createHash('sha256')
    .update(JSON.stringify([keyId, accountId, slug, isCall(item), anchor]))
    .digest('base64')
}

function foldedLength(item: JsonObject): number {
  return (anchorOf(item)?.length ?? 0) % 4096
}

function anchorOf(item: JsonObject): string | undefined {
  return isCall(item) ? stringAt(item, 'call_id') : assistantText(item)
}

function assistantText(item: JsonObject): string | undefined {
  if (item.role !== 'assistant') return undefined
  if (typeof item.content === 'string') return item.content
  if (!Array.isArray(item.content)) return undefined
  const parts: unknown[] = item.content
  return parts
    .map((part) => (isObject(part) ? (stringAt(part, 'text') ?? stringAt(part, 'refusal') ?? '') : ''))
    .join('')
}
