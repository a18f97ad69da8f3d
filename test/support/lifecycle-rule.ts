import { isDeepStrictEqual } from 'node:util'
import { arrayAt, isObject, type JsonObject, numberAt, objectAt, stringAt } from '../../src/lib/json.ts'

/** A piece of text within an item, and what its events are called. */
interface TextKind {
  readonly delta: string
  readonly done: string
  /** Member of the done event and of the part. */
  readonly member: string
  /** `content_part`, `reasoning_summary_part`; undefined where the text is a member of the item itself. */
  readonly part?: string
  readonly index?: 'content_index' | 'summary_index'
}

const KINDS: Record<string, TextKind> = {
  output_text: {
    delta: 'response.output_text.delta',
    done: 'response.output_text.done',
    member: 'text',
    part: 'content_part',
    index: 'content_index',
  },
  refusal: {
    delta: 'response.refusal.delta',
    done: 'response.refusal.done',
    member: 'refusal',
    part: 'content_part',
    index: 'content_index',
  },
  summary_text: {
    delta: 'response.reasoning_summary_text.delta',
    done: 'response.reasoning_summary_text.done',
    member: 'text',
    part: 'reasoning_summary_part',
    index: 'summary_index',
  },
  arguments: {
    delta: 'response.function_call_arguments.delta',
    done: 'response.function_call_arguments.done',
    member: 'arguments',
  },
  input: {
    delta: 'response.custom_tool_call_input.delta',
    done: 'response.custom_tool_call_input.done',
    member: 'input',
  },
}

/**
 * What a Responses stream lacks of a whole lifecycle (clients.md rule 1): created first, every item with added, part,
 * delta and done events that agree with each other, one terminal event at the end whose output holds the items.
 * Written without a look at the code under test. Empty = complete.
 */
export function lifecycleFaults(events: readonly JsonObject[]): string[] {
  return [...frameFaults(events), ...doneItems(events).flatMap(([index, item]) => itemFaults(events, index, item))]
}

function frameFaults(events: readonly JsonObject[]): string[] {
  const faults: string[] = []
  const response = objectAt(events[0] ?? {}, 'response') ?? {}
  if (events[0]?.type !== 'response.created') faults.push(`begins with ${String(events[0]?.type)}`)
  if (stringAt(response, 'id') === undefined || response.object !== 'response') faults.push('created holds no response')
  if (!isDeepStrictEqual(response.output, [])) faults.push('created holds output')
  const ends = events.filter(({ type }) => /^response\.(completed|incomplete|failed)$/.test(String(type)))
  if (ends.length !== 1 || ends[0] !== events.at(-1)) faults.push(`${ends.length} ends, or not last`)
  const output = arrayAt(objectAt(ends[0] ?? {}, 'response') ?? {}, 'output')
  const items = doneItems(events)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item)
  if (!isDeepStrictEqual(output, items)) faults.push('the final output is not what the items were')
  const added = events.filter(({ type }) => type === 'response.output_item.added')
  if (added.length !== items.length) faults.push(`${added.length} items added, ${items.length} done`)
  const numbers = events.map((event) => numberAt(event, 'sequence_number') ?? -1)
  if (numbers.some((number, at) => number < (numbers[at - 1] ?? 0)))
    faults.push('sequence numbers go back or are missing')
  return faults
}

function doneItems(events: readonly JsonObject[]): [index: number, item: JsonObject][] {
  return events
    .filter(({ type }) => type === 'response.output_item.done')
    .map((event) => [numberAt(event, 'output_index') ?? -1, objectAt(event, 'item') ?? {}])
}

function itemFaults(events: readonly JsonObject[], index: number, item: JsonObject): string[] {
  const own = events.filter((event) => event.output_index === index)
  const name = `item ${index} (${String(item.type)})`
  const faults: string[] = []
  if (own[0]?.type !== 'response.output_item.added') faults.push(`${name} begins with ${String(own[0]?.type)}`)
  if (own.at(-1)?.type !== 'response.output_item.done') faults.push(`${name} ends with ${String(own.at(-1)?.type)}`)
  if (objectAt(own[0] ?? {}, 'item')?.type !== item.type) faults.push(`${name} was added as something else`)
  for (const list of ['content', 'summary']) {
    for (const [inner, value] of (arrayAt(item, list) ?? []).entries()) {
      const kind = isObject(value) ? KINDS[String(value.type)] : undefined
      if (isObject(value) && kind !== undefined)
        faults.push(...partFaults(own, `${name} part ${inner}`, inner, value, kind))
    }
  }
  for (const member of ['arguments', 'input']) {
    const kind = KINDS[member]
    const text = stringAt(item, member)
    if (kind !== undefined && text !== undefined) faults.push(...textFaults(own, name, text, kind))
  }
  return faults
}

function partFaults(
  own: readonly JsonObject[],
  name: string,
  inner: number,
  part: JsonObject,
  kind: TextKind,
): string[] {
  const here = own.filter((event) => kind.index !== undefined && event[kind.index] === inner)
  const [first, last] = [here[0], here.at(-1)]
  const faults = textFaults(here, name, stringAt(part, kind.member) ?? '', kind)
  if (first?.type !== `response.${kind.part}.added`) faults.push(`${name} begins with ${String(first?.type)}`)
  if (last?.type !== `response.${kind.part}.done`) faults.push(`${name} ends with ${String(last?.type)}`)
  if (here.filter(({ type }) => type === `response.${kind.part}.added`).length !== 1) faults.push(`${name} added twice`)
  if (!isDeepStrictEqual(last?.part, part)) faults.push(`${name} is done with another part`)
  return faults
}

function textFaults(own: readonly JsonObject[], name: string, text: string, kind: TextKind): string[] {
  const deltas = own.filter(({ type }) => type === kind.delta)
  const dones = own.filter(({ type }) => type === kind.done)
  const faults: string[] = []
  const said = deltas.map((event) => stringAt(event, 'delta') ?? '').join('')
  if (said !== text) faults.push(`${name}: deltas say ${JSON.stringify(said)}, not ${JSON.stringify(text)}`)
  if (dones.length !== 1 || dones[0]?.[kind.member] !== text) faults.push(`${name}: ${dones.length} × ${kind.done}`)
  const lastDelta = deltas.at(-1)
  const [done] = dones
  if (lastDelta !== undefined && done !== undefined && own.indexOf(lastDelta) > own.indexOf(done))
    faults.push(`${name}: a delta after its end`)
  return faults
}
