import { shortId } from '../lib/ids.ts'
import { type JsonObject, numberAt, stringAt } from '../lib/json.ts'
import { ResponseCollector } from './collect.ts'
import { DeltaRun } from './delta-run.ts'
import { type EventBatch, isTerminal, TurnEvent, type TurnStream } from './events.ts'
import { StopSearch } from './stop-search.ts'
import { emptyItem } from './text-kinds.ts'
import { TokenBudget } from './token-budget.ts'
import { UnreadDeltas } from './unread-deltas.ts'
import { COUNTED, wholeTextsOf } from './whole-texts.ts'

export interface OutputLimits {
  readonly stop: readonly string[]
  readonly maxOutputTokens: number | undefined
}

/**
 * Ends a stream at the client's stop sequence or token limit, neither of which the backend takes (connector.md §10).
 * Ending early closes the upstream. Works on the backend's own events, so that every door and both answer forms agree.
 */
export function limitOutput(stream: TurnStream, limits: OutputLimits): TurnStream {
  return limits.stop.length === 0 && limits.maxOutputTokens === undefined ? stream : limited(stream, limits)
}

async function* limited(stream: TurnStream, limits: OutputLimits): AsyncGenerator<EventBatch> {
  const limiter = new Limiter(limits)
  for await (const batch of stream) {
    const out: (TurnEvent | DeltaRun)[] = []
    for (const part of batch) {
      if (limiter.passes(part)) out.push(part)
      else out.push(...(await limiter.pushAll(part instanceof DeltaRun ? part : [part])))
      if (limiter.isEnded) break
    }
    if (out.length > 0) yield out
    if (limiter.isEnded) return
  }
}

class Limiter {
  readonly #search: StopSearch | undefined
  readonly #budget: TokenBudget | undefined
  readonly #collector = new ResponseCollector()
  readonly #unread: UnreadDeltas | undefined
  readonly #added = new Set<number>()
  /** Texts that deltas have brought, by `placeOf`. */
  readonly #withDeltas = new Set<string>()
  /** Of the last event that had one. */
  #sequenceNumber: number | undefined
  /** The last text delta, whose place a held-back rest is written at. */
  #lastText: JsonObject | undefined
  isEnded = false

  constructor({ stop, maxOutputTokens }: OutputLimits) {
    this.#search = stop.length > 0 ? new StopSearch(stop) : undefined
    this.#budget = maxOutputTokens === undefined ? undefined : new TokenBudget(maxOutputTokens)
    this.#unread = this.#budget === undefined ? undefined : new UnreadDeltas(this.#budget)
  }

  /** Takes deltas that cannot reach the limit, mostly without a look into them; false = `pushAll` must see them. */
  passes(part: TurnEvent | DeltaRun): boolean {
    if (this.#search !== undefined || !COUNTED.has(part.type) || this.#unread?.take(part) !== true) return false
    this.#collector.push(part)
    return true
  }

  async pushAll(events: Iterable<TurnEvent>): Promise<TurnEvent[]> {
    const out: TurnEvent[] = []
    for (const event of events) {
      if (this.passes(event)) out.push(event)
      else out.push(...(await this.#push(event)))
      if (this.isEnded) break
    }
    return out
  }

  async #push(event: TurnEvent): Promise<TurnEvent[]> {
    if (COUNTED.has(event.type)) return this.#delta(event)
    const before = await this.#deltaless(event)
    if (this.isEnded) return before
    const held = this.#endsText(event.type) ? this.#releaseHeld() : []
    if (event.type === 'response.output_item.added') this.#added.add(numberAt(event.fields, 'output_index') ?? 0)
    this.#collector.push(event)
    return [...held, event]
  }

  async #delta(event: TurnEvent): Promise<TurnEvent[]> {
    const { fields } = event
    this.#unread?.flush()
    this.#withDeltas.add(placeOf(fields))
    this.#sequenceNumber = numberAt(fields, 'sequence_number')
    const isText = event.type === 'response.output_text.delta'
    const sent = stringAt(fields, 'delta') ?? ''
    const searched = isText && this.#search !== undefined ? this.#search.push(sent) : { text: sent, found: undefined }
    if (isText) this.#lastText = fields
    const allowed = this.#budget === undefined ? searched.text : await this.#budget.take(searched.text)
    const isOver = allowed.length < searched.text.length
    const kept = allowed === sent ? event : TurnEvent.of({ ...fields, type: event.type, delta: allowed })
    const out = allowed === '' ? [] : [kept]
    for (const each of out) this.#collector.push(each)
    if (isOver) return [...out, ...this.#close('incomplete', { incomplete_details: { reason: 'max_output_tokens' } })]
    if (searched.found === undefined) return out
    return [...out, ...this.#close('completed', { stop_sequence: searched.found })]
  }

  /**
   * A text that no delta brought is checked where it first shows, as if it had come in one.
   * @returns how the stream ends, if the text is too much; within the limits the event speaks for itself
   */
  async #deltaless(event: TurnEvent): Promise<TurnEvent[]> {
    const texts = wholeTextsOf(event).filter(({ place }) => !this.#hasDeltas(placeOf(place)))
    const { sequence_number } = event.fields
    const shown: TurnEvent[] = []
    for (const { type, place, text, item } of texts) {
      if (item !== undefined) shown.push(...this.#announce(item, place, sequence_number))
      shown.push(...(await this.#delta(TurnEvent.of({ type, sequence_number, ...place, delta: text }))))
      if (this.isEnded) return shown
    }
    return []
  }

  #hasDeltas(place: string): boolean {
    return this.#withDeltas.has(place) || this.#unread?.has(place) === true
  }

  /** The end of an item that never was added is left out if it is too much, so its beginning must say what it is. */
  #announce(item: JsonObject, { output_index }: JsonObject, sequence_number: unknown): TurnEvent[] {
    const index = typeof output_index === 'number' ? output_index : 0
    if (this.#added.has(index)) return []
    this.#added.add(index)
    const type = 'response.output_item.added'
    const event = TurnEvent.of({ type, sequence_number, output_index: index, item: emptyItem(item) })
    this.#collector.push(event)
    return [event]
  }

  #endsText(type: string): boolean {
    return type === 'response.output_text.done' || type === 'response.output_item.done' || isTerminal(type)
  }

  #releaseHeld(): TurnEvent[] {
    const rest = this.#search?.release() ?? ''
    if (rest === '' || this.#lastText === undefined) return []
    const event = TurnEvent.of({ ...this.#lastText, type: 'response.output_text.delta', delta: rest })
    this.#collector.push(event)
    return [event]
  }

  /**
   * Well-formed ends for whatever is open, then for the response.
   * @param reason members of the final response: `incomplete_details`, or our own `stop_sequence` with the text found
   */
  #close(status: 'completed' | 'incomplete', reason: JsonObject): TurnEvent[] {
    this.isEnded = true
    const seen = this.#collector.response()
    // The backend would have named it at the end.
    const own = { id: shortId('resp_'), object: 'response', created_at: Math.floor(Date.now() / 1000) }
    const response = typeof seen.id === 'string' ? seen : { ...own, ...seen }
    const items = this.#collector.items().map(({ item, isDone, index }) => {
      return { item: isDone ? item : { ...item, status }, isDone, index }
    })
    // Doors that show the ends of texts make them of the finished items.
    const ends = items
      .filter(({ isDone }) => !isDone)
      .map(({ item, index }) => ({ type: 'response.output_item.done', output_index: index, item }))
    const output = items.map(({ item }) => item)
    const final = { ...response, status, ...reason, output, usage: response.usage ?? null }
    const end = { type: `response.${status}`, response: final }
    return [...ends, end].map((event) => this.#numbered(event))
  }

  /** Numbered on behind the last event, if the backend numbers its own. */
  #numbered({ type, ...fields }: JsonObject & { type: string }): TurnEvent {
    if (this.#sequenceNumber === undefined) return TurnEvent.of({ type, ...fields })
    this.#sequenceNumber += 1
    return TurnEvent.of({ type, sequence_number: this.#sequenceNumber, ...fields })
  }
}

/** Which text of which item an event is about. */
function placeOf(fields: JsonObject): string {
  return `${numberAt(fields, 'output_index') ?? 0}:${numberAt(fields, 'content_index') ?? 0}`
}
