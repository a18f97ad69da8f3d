import { createHash } from 'node:crypto'
import { arrayAt, isObject, type JsonObject, objectAt, stringAt } from '../lib/json.ts'
import { type EventBatch, TurnEvent, type TurnStream } from './events.ts'
import type { InputItem } from './turn.ts'

const LEGAL = /^[A-Za-z0-9_-]{1,64}$/
const MAX_CHARACTERS = 64
const HASH_CHARACTERS = 8

/** Where tool names stand in a request. */
export interface NamedParts {
  readonly tools: readonly JsonObject[]
  readonly toolChoice: unknown
  readonly input: readonly InputItem[]
}

export interface MappedNames {
  readonly tools: JsonObject[]
  readonly toolChoice: unknown
  readonly input: InputItem[]
  /** Name on the wire → the client's name; empty in the usual case. */
  readonly restore: ReadonlyMap<string, string>
}

/** Gives tools whose names the backend refuses legal ones, everywhere they are named (connector.md §7.2). */
export function mapToolNames({ tools, toolChoice, input }: NamedParts): MappedNames {
  const mapping = createMapping([...tools.flatMap(namesOf), ...input.filter(isCall).flatMap(namesOf)])
  if (mapping.size === 0) return { tools: [...tools], toolChoice, input: [...input], restore: new Map() }
  const rename = (object: JsonObject): JsonObject => renamed(object, mapping)
  return {
    tools: tools.map(rename),
    toolChoice: renameChoice(toolChoice, rename),
    input: input.map((item) => (isCall(item) ? rename(item) : item)),
    restore: new Map([...mapping].map(([client, wire]) => [wire, client])),
  }
}

/** Gives the client its own names back: in items as they open and close, and in the final response. */
export function restoreToolNames(stream: TurnStream, restore: ReadonlyMap<string, string>): TurnStream {
  return restore.size === 0 ? stream : restored(stream, restore)
}

async function* restored(stream: TurnStream, restore: ReadonlyMap<string, string>): AsyncGenerator<EventBatch> {
  for await (const batch of stream) yield batch.map((event) => restoreEvent(event, restore))
}

function restoreEvent(event: TurnEvent, restore: ReadonlyMap<string, string>): TurnEvent {
  const { type, fields } = event.type.startsWith('response.output_item.') || isFinal(event.type) ? event : NOTHING
  const item = objectAt(fields, 'item')
  if (item !== undefined && isCall(item)) return TurnEvent.of({ ...fields, type, item: renamed(item, restore) })
  const response = objectAt(fields, 'response')
  const output = response && arrayAt(response, 'output')
  if (response === undefined || output === undefined || !output.some((entry) => isObject(entry) && isCall(entry)))
    return event
  const items = output.map((entry) => (isObject(entry) && isCall(entry) ? renamed(entry, restore) : entry))
  return TurnEvent.of({ ...fields, type, response: { ...response, output: items } })
}

const NOTHING = { type: '', fields: {} }

function isFinal(type: string): boolean {
  return type === 'response.completed' || type === 'response.done' || type === 'response.incomplete'
}

/** Legal names keep themselves; the illegal get a legal one that no other name in the request has. */
function createMapping(names: readonly string[]): Map<string, string> {
  const mapping = new Map<string, string>()
  if (names.every((name) => LEGAL.test(name))) return mapping
  const taken = new Set(names.filter((name) => LEGAL.test(name)))
  for (const name of names) {
    if (LEGAL.test(name) || mapping.has(name)) continue
    const plain = name.replace(/[^A-Za-z0-9_-]/g, '_')
    const isFine = plain.length > 0 && plain.length <= MAX_CHARACTERS && !taken.has(plain)
    const legal = isFine ? plain : withHash(plain, name)
    taken.add(legal)
    mapping.set(name, legal)
  }
  return mapping
}

function withHash(plain: string, name: string): string {
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_CHARACTERS)
  return `${plain.slice(0, MAX_CHARACTERS - HASH_CHARACTERS - 1)}_${hash}`
}

function namesOf(object: JsonObject): string[] {
  return stringAt(object, 'name') === undefined ? [] : [stringAt(object, 'name') ?? '']
}

function renamed(object: JsonObject, mapping: ReadonlyMap<string, string>): JsonObject {
  const name = stringAt(object, 'name')
  const other = name === undefined ? undefined : mapping.get(name)
  return other === undefined ? object : { ...object, name: other }
}

function renameChoice(choice: unknown, rename: (object: JsonObject) => JsonObject): unknown {
  if (!isObject(choice)) return choice
  const tools = arrayAt(choice, 'tools')
  if (tools === undefined) return rename(choice)
  return { ...choice, tools: tools.map((tool) => (isObject(tool) ? rename(tool) : tool)) }
}

function isCall(item: JsonObject): boolean {
  return item.type === 'function_call' || item.type === 'custom_tool_call'
}
