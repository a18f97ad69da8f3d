import { type ByteString, jsonBytes } from '../lib/byte-string.ts'
import { arrayAt, isObject, type JsonObject, numberAt, objectAt, stringAt } from '../lib/json.ts'
import { type DeltaPlace, DeltaReader, prefixed, slotOf } from './delta.ts'
import { DeltaRun } from './delta-run.ts'
import type { EventBatch, TurnEvent } from './events.ts'
import { answerText, isCall, messageText, reasoningText } from './output-items.ts'
import { SentText } from './sent-text.ts'

export type AnswerText = 'text' | 'thinking'

/** How an answer ended. */
export interface AnswerEnd {
  /** The final response, its `status` set. */
  readonly response: JsonObject
  readonly hasRefusal: boolean
}

/** What a protocol whose parts need no beginning and no end writes. Every method returns what to write now. */
export interface AnswerSink {
  /** @param literals JSON string literals, a piece of text each */
  write(kind: AnswerText, literals: readonly ByteString[]): string
  /** A whole item; texts of it have been written. */
  item(item: JsonObject): string
  end(end: AnswerEnd): string
}

type Kind = AnswerText | 'other'

const DELTAS: Readonly<Record<string, Kind>> = {
  'response.output_text.delta': 'text',
  'response.refusal.delta': 'text',
  'response.reasoning_summary_text.delta': 'thinking',
  'response.reasoning_text.delta': 'thinking',
  'response.function_call_arguments.delta': 'other',
  'response.custom_tool_call_input.delta': 'other',
}

interface OpenItem {
  readonly kind: Kind
  readonly sent: SentText
  item: JsonObject
  /** The part of the last delta. */
  part: string | undefined
  isDone: boolean
}

/**
 * The backend's events for protocols without blocks: texts as they come, everything else item by item as soon as it is
 * whole. The order is that of the items, also where they interleave; nothing is written twice, nothing lost where deltas or ends
 * are missing.
 */
export class AnswerStream {
  readonly #sink: AnswerSink
  readonly #readers = new Map<string, DeltaReader>()
  /** Items not yet written to their end, in their order; the first is live, the others wait. */
  #open: OpenItem[] = []
  readonly #bySlot = new Map<number | string, OpenItem>()
  readonly #byId = new Map<string, OpenItem>()
  #hasRefusal = false
  #isEnded = false

  constructor(sink: AnswerSink) {
    this.#sink = sink
  }

  push(events: EventBatch): ByteString {
    let text = ''
    for (const part of events) {
      if (this.#isEnded) break
      text += DELTAS[part.type] === undefined ? this.#rare(part) : this.#delta(part)
    }
    return text as ByteString
  }

  #delta(part: TurnEvent | DeltaRun): string {
    const kind = DELTAS[part.type] ?? 'other'
    if (part.type === 'response.refusal.delta') this.#hasRefusal = true
    if (part instanceof DeltaRun) {
      const { outputIndex, itemId, partIndex } = part.place
      const open = this.#at({ slot: outputIndex, itemId, partIndex }, kind, part.type)
      return this.#bring(open, part.literals(), `${part.type} ${partIndex}`)
    }
    const reader = this.#readers.get(part.type) ?? new DeltaReader()
    this.#readers.set(part.type, reader)
    const { literal, place } = reader.read(part)
    return this.#bring(this.#at(place, kind, part.type), [literal], `${part.type} ${place.partIndex}`)
  }

  #rare(part: TurnEvent | DeltaRun): string {
    if (part instanceof DeltaRun) return ''
    const { fields, type } = part
    switch (type) {
      case 'response.output_item.added':
        this.#register(objectAt(fields, 'item') ?? {}, numberAt(fields, 'output_index') ?? -1)
        return ''
      case 'response.output_text.done':
      case 'response.refusal.done':
        return this.#textDone(part)
      case 'response.output_item.done':
        return this.#done(objectAt(fields, 'item') ?? {}, numberAt(fields, 'output_index') ?? -1)
      case 'response.completed':
      case 'response.done':
      case 'response.incomplete':
        return this.#end(objectAt(fields, 'response') ?? {}, type === 'response.incomplete')
      default:
        return '' // Parts and hosted tools at work have no place in such a protocol.
    }
  }

  #textDone(event: TurnEvent): string {
    const { fields, type } = event
    const open = this.#at(
      { slot: slotOf(event), itemId: stringAt(fields, 'item_id') ?? '', partIndex: 0 },
      'text',
      type,
    )
    // Of several parts only the item tells all.
    if ((numberAt(fields, 'content_index') ?? 0) > 0) return ''
    const rest = open.sent.rest(stringAt(fields, 'text') ?? stringAt(fields, 'refusal') ?? '')
    return rest === '' ? '' : this.#bring(open, [jsonBytes(rest)], '')
  }

  #done(item: JsonObject, slot: number): string {
    const open = this.#find(item, slot) ?? this.#register(item, slot)
    if (open.isDone) return ''
    open.isDone = true
    open.item = item
    if (messageText(item, 'refusal') !== '') this.#hasRefusal = true
    return this.#closeDone()
  }

  #end(response: JsonObject, isIncomplete: boolean): string {
    // It may hold items, or ends of items, that no event told of.
    const output = (arrayAt(response, 'output') ?? []).map((item, index) =>
      isObject(item) ? this.#done(item, index) : '',
    )
    for (const open of this.#open.filter(({ isDone }) => !isDone)) cutShort(open)
    const rest = output.join('') + this.#closeDone()
    this.#isEnded = true
    const status = isIncomplete ? 'incomplete' : 'completed'
    return rest + this.#sink.end({ response: { ...response, status }, hasRefusal: this.#hasRefusal })
  }

  #closeDone(): string {
    let text = ''
    for (let open = this.#open[0]; open?.isDone === true; open = this.#open[0]) {
      text += this.#close(open)
      this.#open = this.#open.slice(1)
      const next = this.#open[0]
      const waiting = next === undefined ? '' : next.sent.decode()
      if (next !== undefined && waiting !== '') text += this.#write(next, [jsonBytes(waiting)])
    }
    return text
  }

  #close(open: OpenItem): string {
    const { item, kind, sent } = open
    const rest = sent.rest(kind === 'text' ? answerText(item) : kind === 'thinking' ? reasoningText(item) : '')
    return (rest === '' ? '' : this.#write(open, [jsonBytes(rest)])) + this.#sink.item(item)
  }

  #bring(open: OpenItem, literals: readonly ByteString[], part: string): string {
    if (open.isDone) return ''
    const [first, ...others] = literals
    const isNewPart = open.kind === 'thinking' && open.part !== undefined && part !== '' && open.part !== part
    if (part !== '') open.part = part
    // Parts of one reasoning are set apart by a blank line.
    const texts = isNewPart && first !== undefined ? [prefixed('\n\n', first), ...others] : literals
    open.sent.add(texts)
    return open === this.#open[0] ? this.#write(open, texts) : ''
  }

  #write({ kind }: OpenItem, literals: readonly ByteString[]): string {
    return kind === 'other' || literals.length === 0 ? '' : this.#sink.write(kind, literals)
  }

  /** @param type of the event, which tells what its item is if that never was added */
  #at({ slot, itemId }: DeltaPlace, kind: Kind, type: string): OpenItem {
    const known = this.#byId.get(itemId) ?? this.#bySlot.get(slot)
    if (known !== undefined) return known
    const call = type.includes('custom_tool_call') ? 'custom_tool_call' : 'function_call'
    const itemType = kind === 'text' ? 'message' : kind === 'thinking' ? 'reasoning' : call
    return this.#register({ type: itemType, ...(itemId === '' ? {} : { id: itemId }) }, slot)
  }

  #find(item: JsonObject, slot: number): OpenItem | undefined {
    const byId = idsOf(item).flatMap((id) => this.#byId.get(id) ?? [])[0]
    if (byId !== undefined) return byId
    const open = this.#bySlot.get(slot)
    return open !== undefined && open.item.type === item.type && isSameCall(open.item, item) ? open : undefined
  }

  #register(item: JsonObject, slot: number | string): OpenItem {
    const known = typeof slot === 'number' ? this.#find(item, slot) : undefined
    if (known !== undefined) return known
    const kind = item.type === 'message' ? 'text' : item.type === 'reasoning' ? 'thinking' : 'other'
    const open: OpenItem = { kind, item, sent: new SentText(), part: undefined, isDone: false }
    this.#open.push(open)
    if (slot !== -1) this.#bySlot.set(slot, open)
    for (const id of idsOf(item)) this.#byId.set(id, open)
    return open
  }
}

/** An item whose end never came is what did come of it. */
function cutShort(open: OpenItem): void {
  open.isDone = true
  const key = open.item.type === 'custom_tool_call' ? 'input' : 'arguments'
  if (isCall(open.item)) open.item = { ...open.item, [key]: open.sent.decode() }
}

/** One that was not announced has no call id yet. */
function isSameCall(open: JsonObject, item: JsonObject): boolean {
  return open.call_id === undefined || open.call_id === item.call_id
}

function idsOf(item: JsonObject): string[] {
  return ['id', 'call_id'].flatMap((key) => stringAt(item, key) ?? [])
}
