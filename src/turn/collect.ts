import { arrayAt, isObject, type JsonObject, numberAt, objectAt, stringAt } from '../lib/json.ts'
import { DeltaRun, eventsOf } from './delta-run.ts'
import { indexAt, isTerminal, type TurnEvent } from './events.ts'

/**
 * The response object that a stream amounts to. Nothing is parsed before it is asked for; deltas are looked at if an item
 * never got its own end, so that no text is lost (connector.md §8.2, §9.2).
 */
export class ResponseCollector {
  #created: TurnEvent | undefined
  #final: TurnEvent | undefined
  readonly #open = new Map<number, TurnEvent>()
  readonly #done = new Map<number, TurnEvent>()
  #deltas: (TurnEvent | DeltaRun)[] = []

  push(event: TurnEvent | DeltaRun): void {
    const { type } = event
    if (event instanceof DeltaRun) this.#deltas.push(event)
    else if (type === 'response.created') this.#created = event
    else if (type === 'response.output_item.added') this.#keep(this.#open, event)
    else if (type === 'response.output_item.done') {
      this.#keep(this.#done, event)
      // Their text is in the finished item now; with nothing else open they can go.
      if (this.#done.size >= this.#open.size) this.#deltas = []
    } else if (isTerminal(type)) this.#final = event
    else if (type.endsWith('.delta')) this.#deltas.push(event)
  }

  /** @returns a response object; `output` is never emptier than what the events brought */
  response(): JsonObject {
    const base = objectAt((this.#final ?? this.#created)?.fields ?? {}, 'response') ?? {}
    const output = arrayAt(base, 'output') ?? []
    return output.length > 0 ? base : { ...base, output: this.#rebuild() }
  }

  #keep(items: Map<number, TurnEvent>, event: TurnEvent): void {
    items.set(indexAt(event, 'output_index') ?? items.size, event)
  }

  #rebuild(): JsonObject[] {
    const items = new Map<number, JsonObject>()
    for (const [index, { fields }] of this.#done) items.set(index, objectAt(fields, 'item') ?? {})
    for (const [index, { fields }] of this.#open)
      if (!items.has(index)) items.set(index, structuredClone(objectAt(fields, 'item') ?? {}))
    for (const { fields } of eventsOf(this.#deltas)) {
      const index = numberAt(fields, 'output_index') ?? 0
      if (this.#done.has(index)) continue
      const item = items.get(index) ?? emptyMessage()
      items.set(index, item)
      appendDelta(item, fields)
    }
    return [...items].sort(([a], [b]) => a - b).map(([, item]) => item)
  }
}

function emptyMessage(): JsonObject {
  return { type: 'message', role: 'assistant', status: 'incomplete', content: [] }
}

function appendDelta(item: JsonObject, event: JsonObject): void {
  const delta = stringAt(event, 'delta') ?? ''
  switch (event.type) {
    case 'response.output_text.delta':
      appendPart(
        item,
        'content',
        { type: 'output_text', key: 'text', index: numberAt(event, 'content_index') ?? 0 },
        delta,
      )
      return
    case 'response.refusal.delta':
      appendPart(
        item,
        'content',
        { type: 'refusal', key: 'refusal', index: numberAt(event, 'content_index') ?? 0 },
        delta,
      )
      return
    case 'response.reasoning_summary_text.delta':
      appendPart(
        item,
        'summary',
        { type: 'summary_text', key: 'text', index: numberAt(event, 'summary_index') ?? 0 },
        delta,
      )
      return
    case 'response.function_call_arguments.delta':
      item.arguments = (stringAt(item, 'arguments') ?? '') + delta
      return
    case 'response.custom_tool_call_input.delta':
      item.input = (stringAt(item, 'input') ?? '') + delta
      return
    default: // Deltas of hosted tools are part of no item.
  }
}

function appendPart(
  item: JsonObject,
  list: string,
  part: { type: string; key: string; index: number },
  delta: string,
): void {
  const parts = arrayAt(item, list) ?? []
  item[list] = parts
  const known = parts[part.index]
  const target = isObject(known)
    ? known
    : { type: part.type, [part.key]: '', ...(list === 'content' ? { annotations: [] } : {}) }
  parts[part.index] = target
  target[part.key] = (stringAt(target, part.key) ?? '') + delta
}
