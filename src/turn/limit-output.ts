import { type JsonObject, numberAt, objectAt, stringAt } from '../lib/json.ts'
import { ResponseCollector } from './collect.ts'
import { DeltaReader, slotOf } from './delta.ts'
import { eventsOf } from './delta-run.ts'
import { type EventBatch, isTerminal, TurnEvent, type TurnStream } from './events.ts'
import { StopSearch } from './stop-search.ts'
import { TokenBudget } from './token-budget.ts'

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
    const out: TurnEvent[] = []
    for (const event of eventsOf(batch)) {
      if (limiter.passes(event)) out.push(event)
      else out.push(...(await limiter.push(event)))
      if (limiter.isEnded) break
    }
    if (out.length > 0) yield out
    if (limiter.isEnded) return
  }
}

const COUNTED = new Set([
  'response.output_text.delta',
  'response.refusal.delta',
  'response.function_call_arguments.delta',
  'response.custom_tool_call_input.delta',
])

class Limiter {
  readonly #search: StopSearch | undefined
  readonly #budget: TokenBudget | undefined
  readonly #collector = new ResponseCollector()
  readonly #withDeltas = new Set<number>()
  readonly #deltas = new DeltaReader()
  /** Deltas let through as long as all their bytes together are within the limit. */
  #unread: TurnEvent[] = []
  #unreadBytes = 0
  /** The last text delta, whose place a held-back rest is written at. */
  #lastText: JsonObject | undefined
  isEnded = false

  constructor({ stop, maxOutputTokens }: OutputLimits) {
    this.#search = stop.length > 0 ? new StopSearch(stop) : undefined
    this.#budget = maxOutputTokens === undefined ? undefined : new TokenBudget(maxOutputTokens)
  }

  /** Takes a delta that cannot reach the limit, mostly without a look into it; false = `push` must see it. */
  passes(event: TurnEvent): boolean {
    if (this.#budget === undefined || this.#search !== undefined || !COUNTED.has(event.type)) return false
    if (!this.#budget.fits(this.#unreadBytes + event.json.length)) {
      // What stands around the deltas counted, too; now it is only they themselves.
      this.#readAll(this.#budget)
      if (!this.#budget.fits(event.json.length)) return false
    }
    this.#unread.push(event)
    this.#unreadBytes += event.json.length
    this.#collector.push(event)
    return true
  }

  #readAll(budget: TokenBudget): void {
    for (const event of this.#unread) {
      const { literal, place } = this.#deltas.read(event)
      budget.takeUncounted(literal)
      this.#withDeltas.add(toIndex(place.slot))
    }
    this.#unread = []
    this.#unreadBytes = 0
  }

  async push(event: TurnEvent): Promise<TurnEvent[]> {
    if (COUNTED.has(event.type)) return this.#delta(event)
    const before = event.type === 'response.output_item.done' ? await this.#deltaless(event.fields) : []
    if (this.isEnded) return before
    const held = this.#endsText(event.type) ? this.#releaseHeld() : []
    this.#collector.push(event)
    return [...before, ...held, event]
  }

  async #delta(event: TurnEvent): Promise<TurnEvent[]> {
    const { fields } = event
    if (this.#budget !== undefined) this.#readAll(this.#budget)
    this.#withDeltas.add(numberAt(fields, 'output_index') ?? 0)
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

  /** An item whose text no delta brought is checked whole, as if it had come in one. */
  async #deltaless(fields: JsonObject): Promise<TurnEvent[]> {
    const index = numberAt(fields, 'output_index') ?? 0
    const item = objectAt(fields, 'item') ?? {}
    if (this.#withDeltas.has(index) || this.#unread.some((delta) => toIndex(slotOf(delta)) === index)) return []
    const [type, text] = wholeTextOf(item)
    if (type === undefined || text === '') return []
    this.#withDeltas.add(index)
    const place = { item_id: item.id, output_index: index, content_index: 0, sequence_number: fields.sequence_number }
    const events = await this.#delta(TurnEvent.of({ type, ...place, delta: text }))
    // Within the limits the item speaks for itself.
    return this.isEnded ? events : []
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
    const response = this.#collector.response()
    const items: JsonObject[] = Array.isArray(response.output) ? response.output : []
    const output = items.map((item) =>
      item.status === 'in_progress' || item.status === undefined ? { ...item, status } : item,
    )
    const open = items.flatMap((item, index) =>
      item.status === 'in_progress' || item.status === undefined ? closeItem({ ...item, status }, index) : [],
    )
    const final = { ...response, status, ...reason, output, usage: response.usage ?? null }
    return [...open, TurnEvent.of({ type: `response.${status}`, response: final })]
  }
}

/** An event that names no index is of the first item. */
function toIndex(slot: number | string): number {
  return typeof slot === 'number' && slot >= 0 ? slot : 0
}

function wholeTextOf(item: JsonObject): readonly [type: string | undefined, text: string] {
  if (item.type === 'function_call')
    return ['response.function_call_arguments.delta', stringAt(item, 'arguments') ?? '']
  if (item.type === 'custom_tool_call') return ['response.custom_tool_call_input.delta', stringAt(item, 'input') ?? '']
  if (item.type !== 'message' || !Array.isArray(item.content)) return [undefined, '']
  const parts: JsonObject[] = item.content
  return ['response.output_text.delta', parts.map((part) => stringAt(part, 'text') ?? '').join('')]
}

function closeItem(item: JsonObject, index: number): TurnEvent[] {
  const place = { item_id: item.id, output_index: index }
  const done = TurnEvent.of({ type: 'response.output_item.done', output_index: index, item })
  if (item.type === 'function_call') {
    return [TurnEvent.of({ type: 'response.function_call_arguments.done', ...place, arguments: item.arguments }), done]
  }
  if (item.type === 'custom_tool_call') {
    return [TurnEvent.of({ type: 'response.custom_tool_call_input.done', ...place, input: item.input }), done]
  }
  const parts: JsonObject[] = item.type === 'message' && Array.isArray(item.content) ? item.content : []
  const closed = parts.flatMap((part, inner) => [
    ...(part.type === 'refusal'
      ? [TurnEvent.of({ type: 'response.refusal.done', ...place, content_index: inner, refusal: part.refusal })]
      : [TurnEvent.of({ type: 'response.output_text.done', ...place, content_index: inner, text: part.text })]),
    TurnEvent.of({ type: 'response.content_part.done', ...place, content_index: inner, part }),
  ])
  return [...closed, done]
}
