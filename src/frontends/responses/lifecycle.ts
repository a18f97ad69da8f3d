import { shortId } from '../../lib/ids.ts'
import { arrayAt, isObject, type JsonObject, numberAt, objectAt, stringAt } from '../../lib/json.ts'
import { hasTopLevel, scanInteger } from '../../lib/json-scan.ts'
import { DeltaRun } from '../../turn/delta-run.ts'
import { TurnEvent } from '../../turn/events.ts'
import { emptyItem, kindOfDelta, textsOf } from '../../turn/text-kinds.ts'
import { readSign } from './item-signs.ts'
import { type Make, ShownItem } from './shown-item.ts'

const NOTHING: readonly TurnEvent[] = []

/**
 * Knows what a turn has shown so far, and makes up for what the backend leaves out: clients break on a missing
 * `response.created`, on items and parts that were never added, on text that no delta brought and on items that never
 * end (clients.md rule 1). Made-up events carry the sequence number of the event they precede. A complete stream passes
 * untouched.
 */
export class Lifecycle {
  #isCreated = false
  /** The response's id, if `response.created` is of our making and nothing named one. */
  #madeId: string | undefined
  #held: TurnEvent[] = []
  #withheld: TurnEvent | undefined
  readonly #items = new Map<number, ShownItem>()
  /** Type of the last delta, and the members that say where it belonged; nearly always the next one has them too. */
  #lastType = ''
  #lastPlace: readonly string[] | undefined
  #last: TurnEvent | DeltaRun | undefined

  /** The next sequence number, for an event of ours at the end. */
  get next(): number {
    return this.#current + 1
  }

  /** What the client knows the response by, where that is not the backend's own id. */
  get madeId(): string | undefined {
    return this.#madeId
  }

  get #current(): number {
    const last = this.#last instanceof DeltaRun ? this.#last.last() : this.#last
    if (last === undefined) return 0
    return scanInteger(last.json, 'sequence_number') ?? numberAt(last.fields, 'sequence_number') ?? 0
  }

  /** True if nothing must be written before or between these deltas. */
  passes(run: DeltaRun): boolean {
    const kind = kindOfDelta(run.type)
    const { outputIndex, partIndex } = run.place
    const isKnown =
      this.#isCreated &&
      this.#held.length === 0 &&
      kind !== undefined &&
      this.#items.get(outputIndex)?.hasBegun(kind, partIndex) === true
    if (isKnown) this.#last = run
    return isKnown
  }

  /** What must be written before this event. The final event must hold its output. */
  before(event: TurnEvent): readonly TurnEvent[] {
    this.#last = event
    if (event.type === this.#lastType && this.#isAtLastPlace(event)) return NOTHING
    this.#withheld = undefined
    if (!this.#isCreated) return this.#open(event)
    return [...this.#held.splice(0), ...this.#complete(event)]
  }

  /** True for an event that must not be written itself: it waits, or what was made says the same. */
  isHeldBack(event: TurnEvent): boolean {
    return this.#withheld === event
  }

  #isAtLastPlace({ json }: TurnEvent): boolean {
    const place = this.#lastPlace
    return place?.every((member) => hasTopLevel(json, member)) === true
  }

  #open(event: TurnEvent): TurnEvent[] {
    if (event.type === 'response.created') {
      this.#isCreated = true
      const response = objectAt(event.fields, 'response') ?? {}
      if (isWhole(response)) return []
      this.#withheld = event
      return [this.#created(response)]
    }
    if (!event.type.startsWith('response.') || event.type === 'response.metadata') {
      this.#held.push(event)
      this.#withheld = event
      return []
    }
    this.#isCreated = true
    const created = this.#created(objectAt(event.fields, 'response') ?? {})
    return [created, ...this.#held.splice(0), ...this.#complete(event)]
  }

  #created(known: JsonObject): TurnEvent {
    if (stringAt(known, 'id') === undefined) this.#madeId = shortId('resp_')
    const response = {
      id: this.#madeId,
      object: 'response',
      created_at: Math.floor(Date.now() / 1000),
      ...known,
      status: 'in_progress',
      output: [],
    }
    return this.#make('response.created', { response })
  }

  #complete(event: TurnEvent): readonly TurnEvent[] {
    if (event.type === 'response.output_item.added') return this.#added(event)
    if (event.type === 'response.output_item.done') return this.#done(event)
    if (event.type === 'response.completed' || event.type === 'response.incomplete') return this.#finish(event)
    const sign = readSign(event)
    if (sign === undefined) return NOTHING
    const announced = this.#items.has(sign.outputIndex) ? [] : this.#announce(sign.skeleton(), sign.outputIndex)
    const shown = this.#items.get(sign.outputIndex)
    if (shown === undefined) {
      // Of a call nothing can be shown before its name is known; the finished item says it all.
      this.#withheld = event
      return NOTHING
    }
    if (sign.text === undefined) return announced
    const made = shown.reach(sign.text, this.#make)
    if (event.type.endsWith('.delta')) this.#notePlace(event, sign.members())
    return announced.length === 0 ? made : [...announced, ...made]
  }

  #notePlace(event: TurnEvent, members: readonly string[]): void {
    const joined = members.join('')
    this.#lastType = event.type
    this.#lastPlace = [[joined], members].find((form) => form.every((member) => hasTopLevel(event.json, member)))
  }

  #added(event: TurnEvent): readonly TurnEvent[] {
    const index = numberAt(event.fields, 'output_index') ?? this.#items.size
    // Announced already, by what came before it.
    if (this.#items.has(index)) this.#withheld = event
    else this.#items.set(index, new ShownItem(objectAt(event.fields, 'item') ?? {}, index))
    return NOTHING
  }

  #done(event: TurnEvent): TurnEvent[] {
    const item = objectAt(event.fields, 'item') ?? {}
    return this.#end(item, numberAt(event.fields, 'output_index') ?? this.#items.size)
  }

  /** Everything an item's end needs before it. */
  #end(item: JsonObject, index: number): TurnEvent[] {
    const announced = this.#items.has(index) ? [] : this.#announce(emptyItem(item), index)
    const shown = this.#items.get(index)
    if (shown === undefined || shown.isDone) return announced
    shown.isDone = true
    return [...announced, ...textsOf(item).flatMap((text) => shown.close(text, this.#make))]
  }

  /** Ends whatever the final output says more of than the stream has shown. */
  #finish(event: TurnEvent): TurnEvent[] {
    const output = arrayAt(objectAt(event.fields, 'response') ?? {}, 'output') ?? []
    return output.filter(isObject).flatMap((item, position) => {
      const index = this.#indexOf(item, position)
      if (this.#items.get(index)?.isDone === true) return []
      return [...this.#end(item, index), this.#make('response.output_item.done', { output_index: index, item })]
    })
  }

  /** Output indexes may have gaps, so ids go before positions. */
  #indexOf(item: JsonObject, position: number): number {
    const shown = [...this.#items.values()]
    const same = shown.find(({ id }) => id !== undefined && id === item.id)
    if (same !== undefined) return same.index
    const there = this.#items.get(position)
    const mayBeSame = there === undefined || there.id === undefined || item.id === undefined
    return mayBeSame ? position : Math.max(...shown.map(({ index }) => index)) + 1
  }

  #announce(item: JsonObject | undefined, index: number): TurnEvent[] {
    if (item === undefined) return []
    this.#items.set(index, new ShownItem(item, index))
    return [this.#make('response.output_item.added', { output_index: index, item })]
  }

  readonly #make: Make = (type, fields) => TurnEvent.of({ type, sequence_number: this.#current, ...fields })
}

/** As far as clients look (clients.md: some end at a bare id). */
function isWhole(response: JsonObject): boolean {
  return typeof response.id === 'string' && response.object === 'response' && Array.isArray(response.output)
}
