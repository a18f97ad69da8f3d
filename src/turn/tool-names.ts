import { createHash } from 'node:crypto'
import { arrayAt, isObject, type JsonObject, objectAt, stringAt } from '../lib/json.ts'
import { DeltaRun } from './delta-run.ts'
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
  const mapping = createMapping([...tools.flatMap(namesOf), ...input.flatMap(namesOfItem)])
  if (mapping.size === 0) return { tools: [...tools], toolChoice, input: [...input], restore: new Map() }
  return {
    tools: tools.map((tool) => renameTool(tool, mapping)),
    toolChoice: renameChoice(toolChoice, mapping),
    input: input.map((item) => renameItem(item, mapping)),
    restore: new Map([...mapping].map(([client, wire]) => [wire, client])),
  }
}

/** Gives the client its own names back, wherever an event names a tool; all other events stay as they came. */
export function restoreToolNames(stream: TurnStream, restore: ReadonlyMap<string, string>): TurnStream {
  return restore.size === 0 ? stream : restored(stream, restore)
}

async function* restored(stream: TurnStream, restore: ReadonlyMap<string, string>): AsyncGenerator<EventBatch> {
  for await (const batch of stream) yield batch.map((part) => restorePart(part, restore))
}

/** Events that hold an item, a whole response object, or a call's name. */
const NAMING_EVENT =
  /^response\.(output_item\.(added|done)|function_call_arguments\.done|created|queued|in_progress|completed|done|incomplete)$/

function restorePart(event: TurnEvent | DeltaRun, restore: ReadonlyMap<string, string>): TurnEvent | DeltaRun {
  if (event instanceof DeltaRun || !NAMING_EVENT.test(event.type)) return event
  const { fields, type } = event
  const item = objectAt(fields, 'item')
  if (item !== undefined) {
    const other = renameItem(item, restore)
    return other === item ? event : TurnEvent.of({ ...fields, type, item: other })
  }
  const response = objectAt(fields, 'response')
  if (response !== undefined) {
    const other = renameResponse(response, restore)
    return other === response ? event : TurnEvent.of({ ...fields, type, response: other })
  }
  const other = renamed(fields, restore)
  return other === fields ? event : TurnEvent.of({ ...other, type })
}

/** The calls of `output`, and the backend's echo of `tools` and `tool_choice`. */
function renameResponse(response: JsonObject, mapping: ReadonlyMap<string, string>): JsonObject {
  const changes: JsonObject = {
    output: renameAll(response.output, (item) => renameItem(item, mapping)),
    tools: renameAll(response.tools, (tool) => renameTool(tool, mapping)),
    tool_choice: renameChoice(response.tool_choice, mapping),
  }
  const changed = Object.entries(changes).filter(([key, value]) => value !== response[key])
  return changed.length === 0 ? response : { ...response, ...Object.fromEntries(changed) }
}

/**
 * Legal names keep themselves; each illegal one gets a legal one that no other name in the request has, whatever the
 * order they come in.
 */
function createMapping(names: readonly string[]): Map<string, string> {
  const mapping = new Map<string, string>()
  if (names.every((name) => LEGAL.test(name))) return mapping
  const all = [...new Set(names)]
  const taken = new Set(all.filter((name) => LEGAL.test(name)))
  const illegal = all.filter((name) => !taken.has(name))
  const plainNames = illegal.map(toPlain)
  for (const [index, name] of illegal.entries()) {
    const plain = plainNames[index] ?? ''
    const isAlone = plainNames.indexOf(plain) === plainNames.lastIndexOf(plain)
    const isFine = LEGAL.test(plain) && isAlone && !taken.has(plain)
    mapping.set(name, isFine ? plain : withHash(plain, name, taken))
  }
  return mapping
}

function toPlain(name: string): string {
  return name.replace(/[^A-Za-z0-9_-]/g, '_')
}

function withHash(plain: string, name: string, taken: Set<string>): string {
  for (let salt = ''; ; salt += '.') {
    const hash = createHash('sha256')
      .update(name + salt)
      .digest('hex')
    const legal = `${plain.slice(0, MAX_CHARACTERS - HASH_CHARACTERS - 1)}_${hash.slice(0, HASH_CHARACTERS)}`
    if (!taken.has(legal)) {
      taken.add(legal)
      return legal
    }
  }
}

/** A tool's name; for a namespace those of the tools inside, since it is no tool itself. */
function namesOf(tool: JsonObject): string[] {
  const inner = arrayAt(tool, 'tools')
  if (inner !== undefined) return inner.filter(isObject).flatMap(namesOf)
  const name = stringAt(tool, 'name')
  return name === undefined ? [] : [name]
}

function namesOfItem(item: JsonObject): string[] {
  return isCall(item) || item.type === 'additional_tools' ? namesOf(item) : []
}

function renameTool(tool: JsonObject, mapping: ReadonlyMap<string, string>): JsonObject {
  const inner = arrayAt(tool, 'tools')
  if (inner === undefined) return renamed(tool, mapping)
  const tools = renameAll(inner, (entry) => renameTool(entry, mapping))
  return tools === inner ? tool : { ...tool, tools }
}

function renameItem(item: JsonObject, mapping: ReadonlyMap<string, string>): JsonObject {
  return isCall(item) || item.type === 'additional_tools' ? renameTool(item, mapping) : item
}

function renameChoice(choice: unknown, mapping: ReadonlyMap<string, string>): unknown {
  return isObject(choice) ? renameTool(choice, mapping) : choice
}

/** The same array if nothing in it changes. */
function renameAll(list: unknown, rename: (entry: JsonObject) => JsonObject): unknown {
  if (!Array.isArray(list)) return list
  const entries: unknown[] = list
  const others = entries.map((entry) => (isObject(entry) ? rename(entry) : entry))
  return others.some((other, index) => other !== entries[index]) ? others : list
}

function renamed(object: JsonObject, mapping: ReadonlyMap<string, string>): JsonObject {
  const other = mapping.get(stringAt(object, 'name') ?? '')
  return other === undefined ? object : { ...object, name: other }
}

function isCall(item: JsonObject): boolean {
  return item.type === 'function_call' || item.type === 'custom_tool_call'
}
