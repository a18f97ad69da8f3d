import { shortId } from '../../lib/ids.ts'
import { arrayAt, isObject, type JsonObject, objectAt, stringAt } from '../../lib/json.ts'
import { hasTopLevel, scanInteger } from '../../lib/json-scan.ts'
import { DeltaRun } from '../../turn/delta-run.ts'
import { indexAt, TurnEvent } from '../../turn/events.ts'

const NOTHING: readonly TurnEvent[] = []

interface Delta {
  readonly kind: string
  readonly index: JsonObject
  readonly text: string
  /** Member of the `.done` event that holds the whole text. */
  readonly whole: string
}

/**
 * Knows what a turn has shown so far, and makes up for what the backend leaves out: clients break on a missing
 * `response.created`, on items that were never added and on text that no delta brought (clients.md rule 1). Made-up
 * events carry the sequence number of the event they precede. A complete stream passes untouched.
 */
export class Lifecycle {
  #isCreated = false
  #held: TurnEvent[] = []
  readonly #added = new Set<number>()
  readonly #withDeltas = new Set<number>()
  /** The member that says where the last delta belonged; nearly always the next one has it too. */
  #lastPlace: string | undefined
  #last: TurnEvent | DeltaRun | undefined

  /** The next sequence number, for an event of ours at the end. */
  get next(): number {
    return this.#current + 1
  }

  get #current(): number {
    const last = this.#last instanceof DeltaRun ? this.#last.last() : this.#last
    return last === undefined ? 0 : (scanInteger(last.json, 'sequence_number') ?? 0)
  }

  /** True if nothing must be written before or between these deltas. */
  passes(run: DeltaRun): boolean {
    if (!this.#isCreated || this.#held.length > 0) return false
    this.#last = run
    this.#withDeltas.add(run.place.outputIndex)
    return true
  }

  /** What must be written before this event. */
  before(event: TurnEvent): readonly TurnEvent[] {
    this.#last = event
    if (this.#isCreated && this.#held.length === 0 && event.type.endsWith('.delta')) {
      this.#noteDelta(event)
      return NOTHING
    }
    const opening = this.#isCreated ? [] : this.#open(event)
    return [...opening, ...this.#complete(event)]
  }

  /** Foreign events wait until the response has been created. */
  isHeldBack(event: TurnEvent): boolean {
    return !this.#isCreated && this.#held.includes(event)
  }

  #open(event: TurnEvent): TurnEvent[] {
    if (event.type === 'response.created') {
      this.#isCreated = true
      // They follow it; the encoder writes them with the next event.
      return []
    }
    if (!event.type.startsWith('response.') || event.type === 'response.metadata') {
      this.#held.push(event)
      return []
    }
    this.#isCreated = true
    const known = objectAt(event.fields, 'response')
    const response = {
      id: stringAt(known ?? {}, 'id') ?? shortId('resp_'),
      object: 'response',
      created_at: Math.floor(Date.now() / 1000),
      ...known,
      status: 'in_progress',
      output: [],
    }
    return [TurnEvent.of({ type: 'response.created', sequence_number: this.#current, response })]
  }

  #complete(event: TurnEvent): TurnEvent[] {
    const waiting = this.#isCreated && event.type !== 'response.created' ? this.#held.splice(0) : []
    if (event.type.endsWith('.delta')) {
      this.#noteDelta(event)
      return waiting
    }
    const index = event.type.startsWith('response.output_item.') ? (indexAt(event, 'output_index') ?? 0) : 0
    if (event.type === 'response.output_item.added') this.#added.add(index)
    if (event.type !== 'response.output_item.done') return waiting
    if (this.#added.has(index) && this.#withDeltas.has(index)) return waiting
    const item = objectAt(event.fields, 'item') ?? {}
    return [...waiting, ...this.#announce(item, index), ...this.#fill(item, index)]
  }

  #noteDelta(event: TurnEvent): void {
    if (this.#lastPlace !== undefined && hasTopLevel(event.json, this.#lastPlace)) return
    const index = indexAt(event, 'output_index') ?? 0
    this.#lastPlace = `"output_index":${index},`
    this.#withDeltas.add(index)
  }

  #announce(item: JsonObject, index: number): TurnEvent[] {
    if (this.#added.has(index)) return []
    this.#added.add(index)
    const emptied: JsonObject = { ...item, status: 'in_progress' }
    for (const key of ['arguments', 'input']) if (typeof item[key] === 'string') emptied[key] = ''
    for (const key of ['content', 'summary']) if (Array.isArray(item[key])) emptied[key] = []
    return [this.#made('response.output_item.added', { output_index: index, item: emptied })]
  }

  #fill(item: JsonObject, index: number): TurnEvent[] {
    if (this.#withDeltas.has(index)) return []
    this.#withDeltas.add(index)
    const itemId = stringAt(item, 'id') ?? ''
    const place = { item_id: itemId, output_index: index }
    return deltasOf(item).flatMap(({ kind, index: inner, text, whole }) => {
      const part = partOf(item, kind, inner)
      const partKind = kind === 'reasoning_summary_text' ? 'reasoning_summary_part' : 'content_part'
      const at = { ...place, ...inner }
      const open =
        part === undefined ? [] : [this.#made(`response.${partKind}.added`, { ...at, part: { ...part, [whole]: '' } })]
      const close = part === undefined ? [] : [this.#made(`response.${partKind}.done`, { ...at, part })]
      const delta = text === '' ? [] : [this.#made(`response.${kind}.delta`, { ...at, delta: text })]
      return [...open, ...delta, this.#made(`response.${kind}.done`, { ...at, [whole]: text }), ...close]
    })
  }

  #made(type: string, fields: JsonObject): TurnEvent {
    return TurnEvent.of({ type, sequence_number: this.#current, ...fields })
  }
}

function deltasOf(item: JsonObject): Delta[] {
  if (item.type === 'function_call') {
    return [{ kind: 'function_call_arguments', index: {}, text: stringAt(item, 'arguments') ?? '', whole: 'arguments' }]
  }
  if (item.type === 'custom_tool_call') {
    return [{ kind: 'custom_tool_call_input', index: {}, text: stringAt(item, 'input') ?? '', whole: 'input' }]
  }
  const summary = objectsAt(item, 'summary').map((part, i) => ({
    kind: 'reasoning_summary_text',
    index: { summary_index: i },
    text: stringAt(part, 'text') ?? '',
    whole: 'text',
  }))
  if (item.type === 'reasoning') return summary
  if (item.type !== 'message') return []
  return objectsAt(item, 'content').map((part, i) =>
    part.type === 'refusal'
      ? { kind: 'refusal', index: { content_index: i }, text: stringAt(part, 'refusal') ?? '', whole: 'refusal' }
      : { kind: 'output_text', index: { content_index: i }, text: stringAt(part, 'text') ?? '', whole: 'text' },
  )
}

function partOf(item: JsonObject, kind: string, index: JsonObject): JsonObject | undefined {
  if (kind === 'reasoning_summary_text') return objectsAt(item, 'summary')[Number(index.summary_index)]
  return kind === 'output_text' || kind === 'refusal'
    ? objectsAt(item, 'content')[Number(index.content_index)]
    : undefined
}

function objectsAt(item: JsonObject, key: string): JsonObject[] {
  return (arrayAt(item, key) ?? []).filter(isObject)
}
