import { arrayAt, isObject, type JsonObject, numberAt, objectAt, stringAt } from '../lib/json.ts'
import { DeltaRun, eventsOf } from './delta-run.ts'
import { indexAt, isTerminal, type TurnEvent } from './events.ts'
import { ANNOTATED, emptyPart, kindOfDelta, kindOfDone, kindOfPart, type TextKind } from './text-kinds.ts'

/** An output item, and whether its own end has come. */
export interface CollectedItem {
  readonly index: number
  readonly item: JsonObject
  readonly isDone: boolean
}

/** Each holds the response; the first may be left out. */
const OPENING = new Set(['response.created', 'response.queued', 'response.in_progress'])

/**
 * The response object that a stream amounts to. Nothing is parsed before it is asked for; texts are looked at if an item
 * never got its own end, so that none is lost (connector.md §8.2, §9.2).
 */
export class ResponseCollector {
  #created: TurnEvent | undefined
  #final: TurnEvent | undefined
  readonly #open = new Map<number, TurnEvent>()
  readonly #done = new Map<number, TurnEvent>()
  #texts: (TurnEvent | DeltaRun)[] = []

  push(event: TurnEvent | DeltaRun): void {
    const { type } = event
    if (event instanceof DeltaRun || type.endsWith('.delta')) this.#texts.push(event)
    else if (OPENING.has(type)) this.#created ??= event
    else if (type === 'response.output_item.added') this.#keep(this.#open, event)
    else if (type === 'response.output_item.done') {
      this.#keep(this.#done, event)
      // The finished items hold them all now.
      if (this.#isAllDone()) this.#texts = []
    } else if (isTerminal(type)) this.#final = event
    else if (isAboutText(type)) this.#texts.push(event)
  }

  /** Also false if an earlier item was never heard of: texts may be all there is of it. */
  #isAllDone(): boolean {
    for (const index of this.#open.keys()) if (!this.#done.has(index)) return false
    for (let index = 0; index < this.#done.size; index += 1) if (!this.#done.has(index)) return false
    return true
  }

  /** @returns a response object; `output` is never emptier than what the events brought */
  response(): JsonObject {
    const base = responseOf(this.#final ?? this.#created)
    const output = arrayAt(base, 'output') ?? []
    return output.length > 0 ? base : { ...base, output: this.items().map((entry) => this.#settled(entry)) }
  }

  /** What the events brought, by output index. */
  items(): CollectedItem[] {
    const items = new Map<number, JsonObject>()
    for (const [index, event] of this.#done) items.set(index, itemOf(event))
    for (const [index, event] of this.#open) if (!items.has(index)) items.set(index, structuredClone(itemOf(event)))
    for (const { type, fields } of eventsOf(this.#texts)) {
      const index = numberAt(fields, 'output_index') ?? 0
      const kind = kindOf(type, fields)
      if (kind === undefined || this.#done.has(index)) continue
      const item = items.get(index) ?? toBareItem(kind, fields)
      if (item === undefined) continue
      items.set(index, item)
      addText(item, kind, type, fields)
    }
    return [...items].sort(([a], [b]) => a - b).map(([index, item]) => ({ index, item, isDone: this.#done.has(index) }))
  }

  /** Once the response has ended, so have its items. */
  #settled({ item, isDone }: CollectedItem): JsonObject {
    if (isDone || this.#final === undefined || item.status !== 'in_progress') return item
    return { ...item, status: responseOf(this.#final).status === 'completed' ? 'completed' : 'incomplete' }
  }

  #keep(items: Map<number, TurnEvent>, event: TurnEvent): void {
    items.set(indexAt(event, 'output_index') ?? items.size, event)
  }
}

function responseOf(event: TurnEvent | undefined): JsonObject {
  return objectAt(event?.fields ?? {}, 'response') ?? {}
}

function itemOf({ fields }: TurnEvent): JsonObject {
  return objectAt(fields, 'item') ?? {}
}

const PART_EVENT = /^response\.(content_part|reasoning_summary_part)\./
const ANNOTATION = 'response.output_text.annotation.added'

/** Deltas apart. */
function isAboutText(type: string): boolean {
  return kindOfDone(type) !== undefined || PART_EVENT.test(type) || type === ANNOTATION
}

/** undefined for deltas of hosted tools, which are part of no item. */
function kindOf(type: string, fields: JsonObject): TextKind | undefined {
  if (type === ANNOTATION) return ANNOTATED
  const part = objectAt(fields, 'part')
  return kindOfDelta(type) ?? kindOfDone(type) ?? (part === undefined ? undefined : kindOfPart(part))
}

/** For texts whose item was never added; undefined for calls, which are nothing without a name. */
function toBareItem({ itemType }: TextKind, fields: JsonObject): JsonObject | undefined {
  const id = stringAt(fields, 'item_id')
  const known = id === undefined ? {} : { id }
  if (itemType === 'message') {
    return { ...known, type: 'message', status: 'in_progress', role: 'assistant', content: [] }
  }
  return itemType === 'reasoning' ? { ...known, type: 'reasoning', summary: [] } : undefined
}

function addText(item: JsonObject, kind: TextKind, type: string, fields: JsonObject): void {
  const { member } = kind
  const holder = kind.part === undefined ? item : partAt(item, kind, kind.part, fields)
  const part = objectAt(fields, 'part')
  if (part !== undefined) {
    // The part as it ends is the whole of it; as it begins it holds nothing yet.
    if (type.endsWith('.done') || holder[member] === '') Object.assign(holder, structuredClone(part))
  } else if (type === ANNOTATION) {
    holder.annotations = [...(arrayAt(holder, 'annotations') ?? []), fields.annotation]
  } else if (type.endsWith('.delta')) {
    holder[member] = (stringAt(holder, member) ?? '') + (stringAt(fields, 'delta') ?? '')
  } else holder[member] = stringAt(fields, member) ?? holder[member]
}

/** No answer has as many parts; a wild index must not fill the memory. */
const MAX_PARTS = 1000

/** The part an event is about. Parts are counted from 0, so one that was never heard of has been empty. */
function partAt(item: JsonObject, kind: TextKind, { list, index: key }: PartPlace, fields: JsonObject): JsonObject {
  const parts = arrayAt(item, list) ?? []
  item[list] = parts
  const index = Math.min(numberAt(fields, key) ?? 0, MAX_PARTS)
  while (parts.length <= index) parts.push(emptyPart(kind))
  const part = parts[index]
  return isObject(part) ? part : {}
}

type PartPlace = NonNullable<TextKind['part']>
