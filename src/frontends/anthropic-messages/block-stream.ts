import { type ByteString, jsonBytes } from '../../lib/byte-string.ts'
import { type JsonObject, numberAt, stringAt } from '../../lib/json.ts'
import { type DeltaPlace, DeltaReader, prefixed, slotOf } from '../../turn/delta.ts'
import type { DeltaRun } from '../../turn/delta-run.ts'
import type { TurnEvent } from '../../turn/events.ts'
import type { ThinkingShown } from '../../turn/turn.ts'
import { Block, type BlockContext, type BlockKind, blockKindOf } from './block.ts'

/**
 * The content blocks of one stream. This API writes one block after the other, while the backend's items may interleave:
 * the first open block is live, the others wait with what has come of them.
 */
export class BlockStream {
  readonly #context: BlockContext
  readonly #readers = new Map<string, DeltaReader>()
  readonly #bySlot = new Map<number | string, Block>()
  readonly #byId = new Map<string, Block>()
  /** Blocks not yet closed, in their order; the first is live. */
  #open: Block[] = []
  /** The block of the last delta, as long as deltas come for the same place. */
  #last: { readonly place: DeltaPlace; readonly block: Block } | undefined
  #callCount = 0
  #searchCount = 0

  constructor(shown: ThinkingShown) {
    let count = 0
    this.#context = {
      shown,
      nextIndex: () => {
        count += 1
        return count - 1
      },
    }
  }

  get hasCalls(): boolean {
    return this.#callCount > 0
  }

  get webSearches(): number {
    return this.#searchCount
  }

  /** `output_item.added` */
  add(item: JsonObject, slot: number): string {
    if (this.#find(item, slot) !== undefined) return ''
    const block = this.#register(item, slot)
    return block === this.#open[0] ? block.goLive() : ''
  }

  delta(event: TurnEvent, kind: BlockKind): string {
    let reader = this.#readers.get(event.type)
    if (reader === undefined) {
      reader = new DeltaReader()
      this.#readers.set(event.type, reader)
    }
    const { literal, place } = reader.read(event)
    const block = this.#last?.place === place ? this.#last.block : this.#at(place, kind)
    this.#last = { place, block }
    return this.#bring(block, [literal], `${event.type} ${place.partIndex}`)
  }

  /** The same as one `delta` for each of the run's events. */
  run(run: DeltaRun, kind: BlockKind): string {
    const { outputIndex, itemId, partIndex } = run.place
    const block = this.#at({ slot: outputIndex, itemId, partIndex }, kind)
    return this.#bring(block, run.literals(), `${run.type} ${partIndex}`)
  }

  /** `….done` of a text or of arguments: what no delta brought. */
  text(event: TurnEvent, kind: BlockKind): string {
    const { fields } = event
    const partIndex = numberAt(fields, 'content_index') ?? 0
    const block = this.#at({ slot: slotOf(event), itemId: stringAt(fields, 'item_id') ?? '', partIndex }, kind)
    const full = ['text', 'refusal', 'arguments', 'input'].flatMap((key) => stringAt(fields, key) ?? [])[0] ?? ''
    const rest = block.sent.rest(full)
    return rest === '' ? '' : this.#bring(block, [jsonBytes(rest)], '')
  }

  annotation(event: TurnEvent): void {
    const itemId = stringAt(event.fields, 'item_id') ?? ''
    this.#at({ slot: slotOf(event), itemId, partIndex: 0 }, 'text').annotations.push(event.fields.annotation)
  }

  /** `output_item.done`, or an item of the final output. */
  done(item: JsonObject, slot: number): string {
    const block = this.#find(item, slot) ?? this.#register(item, slot)
    if (block.isDone) return ''
    block.isDone = true
    block.item = item
    return this.#closeDone()
  }

  /** Closes what never got its end. */
  finish(): string {
    for (const block of this.#open) {
      block.isDone = true
      const sent = block.sent.decode()
      if (block.item.type === 'custom_tool_call') block.item = { ...block.item, input: sent }
    }
    return this.#closeDone()
  }

  #bring(block: Block, literals: readonly ByteString[], part: string): string {
    if (block.isDone) return ''
    const isNewPart = block.kind === 'thinking' && block.part !== undefined && block.part !== part
    if (part !== '') block.part = part
    const texts = isNewPart ? spaced(literals) : literals
    block.sent.add(texts)
    return block === this.#open[0] ? block.write(texts) : ''
  }

  #closeDone(): string {
    let text = ''
    for (let block = this.#open[0]; block?.isDone === true; block = this.#open[0]) {
      text += block.close()
      this.#open = this.#open.slice(1)
      text += this.#open[0]?.goLive() ?? ''
    }
    return text
  }

  #at({ slot, itemId }: DeltaPlace, kind: BlockKind): Block {
    return this.#byId.get(itemId) ?? this.#bySlot.get(slot) ?? this.#unannounced(kind, itemId, slot)
  }

  /** Deltas whose item was never added. */
  #unannounced(kind: BlockKind, itemId: string, slot: number | string): Block {
    const type = kind === 'thinking' ? 'reasoning' : kind === 'call' ? 'function_call' : 'message'
    return this.#register({ type, ...(itemId === '' ? {} : { id: itemId }) }, slot)
  }

  #find(item: JsonObject, slot: number): Block | undefined {
    const byId = idsOf(item).flatMap((id) => this.#byId.get(id) ?? [])[0]
    if (byId !== undefined) return byId
    const block = this.#bySlot.get(slot)
    return block?.kind === blockKindOf(item) && block.item.call_id === item.call_id ? block : undefined
  }

  #register(item: JsonObject, slot: number | string): Block {
    const block = new Block(item, this.#context)
    this.#open.push(block)
    if (block.kind === 'call') this.#callCount += 1
    if (block.kind === 'search') this.#searchCount += 1
    if (slot !== -1) this.#bySlot.set(slot, block)
    for (const id of idsOf(item)) this.#byId.set(id, block)
    return block
  }
}

/** Parts of one reasoning are set apart by a blank line. */
function spaced([first, ...others]: readonly ByteString[]): ByteString[] {
  return first === undefined ? [] : [prefixed('\n\n', first), ...others]
}

function idsOf(item: JsonObject): string[] {
  return ['id', 'call_id'].flatMap((key) => stringAt(item, key) ?? [])
}
