import { arrayAt, isObject, type JsonObject, objectAt, stringAt, wordOf } from '../../lib/json.ts'
import { GatewayError, invalidField } from '../../turn/errors.ts'
import { toFlatTool } from '../../turn/flat-tools.ts'
import { asObject, readArray, readBoolean, readObject } from '../../turn/read-body.ts'
import { isStrictSchema } from '../../turn/strict-schema.ts'
import type { ToolChange } from './system-message.ts'

export interface MessagesTools {
  /** Flat Responses form, in the client's order. */
  readonly tools: JsonObject[]
  readonly hasWebSearch: boolean
  /** `tools.max_uses` and the like, once each. */
  readonly dropped: readonly string[]
  /** `tools.NAME.strict=false` of each tool whose schema this backend's strict mode refuses. */
  readonly adjusted: readonly string[]
}

/** What the conversation says of tools. */
export interface ToolUse {
  readonly loadedTools: ReadonlySet<string>
  readonly calledTools: ReadonlySet<string>
  readonly toolChanges: ReadonlyMap<string, ToolChange>
}

const FUNCTION_KEYS = new Set([
  'type',
  'name',
  'description',
  'input_schema',
  'strict',
  'cache_control',
  'defer_loading',
  'eager_input_streaming',
])
const SEARCH_KEYS = new Set(['type', 'name', 'allowed_domains', 'user_location', 'cache_control', 'defer_loading'])

/**
 * The tools in play: those of `tools` without the deferred ones that nothing has loaded yet and the removed ones, then
 * those the conversation added.
 * @throws GatewayError with the path of the tool at fault
 */
export function readTools(fields: JsonObject, use: ToolUse): MessagesTools {
  const declared = (readArray(fields, 'tools') ?? []).map((value, index) => ({
    tool: asObject(value, `tools[${index}]`),
    path: `tools[${index}]`,
  }))
  const reader = new ToolReader()
  const chosen = stringAt(objectAt(fields, 'tool_choice') ?? {}, 'name')
  for (const { tool, path } of declared) reader.read(tool, path, isInPlay(tool, use, chosen))
  for (const { isRemoved, definition } of use.toolChanges.values()) {
    if (!isRemoved && definition !== undefined) reader.read(definition.tool, definition.path, true)
  }
  const { tools, dropped, adjusted } = reader
  return { tools, dropped: [...dropped], adjusted, hasWebSearch: tools.some(({ type }) => type === 'web_search') }
}

function isInPlay(tool: JsonObject, { loadedTools, calledTools, toolChanges }: ToolUse, chosen?: string): boolean {
  const name = stringAt(tool, 'name') ?? ''
  const change = toolChanges.get(name)
  if (change !== undefined) return !change.isRemoved && change.definition === undefined
  return tool.defer_loading !== true || loadedTools.has(name) || calledTools.has(name) || name === chosen
}

class ToolReader {
  readonly tools: JsonObject[] = []
  readonly dropped = new Set<string>()
  readonly adjusted: string[] = []
  readonly #names = new Set<string>()

  read(tool: JsonObject, path: string, isWanted: boolean): void {
    const name = stringAt(tool, 'name') ?? ''
    if (name === '') throw invalidField(`${path}.name`, `${path} has no name.`)
    const flat = this.#toFlat(tool, path, name)
    if (!isWanted) return
    if (this.#names.has(name)) throw invalidField(path, `${path}: the name "${name}" is used twice.`)
    this.#names.add(name)
    this.tools.push(flat)
  }

  #toFlat(tool: JsonObject, path: string, name: string): JsonObject {
    const type = tool.type ?? 'custom'
    if (type === 'custom') return this.#toFunction(tool, path, name)
    if (typeof type === 'string' && /^web_search(_\d+)?$/.test(type)) return this.#toWebSearch(tool)
    throw new GatewayError(
      'unsupported_parameter',
      `${path}.type: "${wordOf(type).slice(0, 60)}" is a tool of Anthropic's own, which this backend does not have; web_search is the only one. Describe other tools with name and input_schema.`,
      { param: `${path}.type` },
    )
  }

  #toFunction(tool: JsonObject, path: string, name: string): JsonObject {
    const { description } = tool
    const parameters = readObject(tool, 'input_schema', `${path}.input_schema`)
    const isAsked = readBoolean(tool, 'strict', `${path}.strict`) === true
    const strict = isAsked && isStrictSchema(parameters)
    if (isAsked && !strict) this.adjusted.push(`tools.${name}.strict=false`)
    this.#noteUnknown(tool, FUNCTION_KEYS)
    return toFlatTool({ type: 'function', name, description, parameters, strict })
  }

  #toWebSearch(tool: JsonObject): JsonObject {
    const domains = arrayAt(tool, 'allowed_domains')
    const location = objectAt(tool, 'user_location')
    this.#noteUnknown(tool, SEARCH_KEYS)
    return {
      type: 'web_search',
      ...(domains === undefined ? {} : { filters: { allowed_domains: domains } }),
      ...(location === undefined ? {} : { user_location: location }),
    }
  }

  #noteUnknown(tool: JsonObject, known: ReadonlySet<string>): void {
    for (const [key, value] of Object.entries(tool)) {
      if (known.has(key) || value === null || isCalledDirectly(key, value)) continue
      this.dropped.add(`tools.${key}`)
    }
  }
}

/** The one caller there is here. */
function isCalledDirectly(key: string, value: unknown): boolean {
  return key === 'allowed_callers' && Array.isArray(value) && value.length === 1 && value[0] === 'direct'
}

export interface MessagesToolChoice {
  readonly choice: unknown
  readonly parallel: boolean | undefined
}

/** `tool_choice` in the backend's form; `undefined` = not asked. */
export function readToolChoice(fields: JsonObject): MessagesToolChoice {
  const choice = readObject(fields, 'tool_choice')
  if (choice === undefined) return { choice: undefined, parallel: undefined }
  const disabled = readBoolean(choice, 'disable_parallel_tool_use', 'tool_choice.disable_parallel_tool_use')
  return { choice: toChoice(choice, fields), parallel: disabled === undefined ? undefined : !disabled }
}

function toChoice(choice: JsonObject, fields: JsonObject): unknown {
  switch (choice.type) {
    case 'auto':
    case 'none':
      return choice.type
    case 'any':
      return 'required'
    case 'tool': {
      const name = stringAt(choice, 'name') ?? ''
      if (name === '') throw invalidField('tool_choice.name', 'tool_choice of type tool must name the tool.')
      return isWebSearch(name, fields) ? { type: 'web_search' } : { type: 'function', name }
    }
    default:
      throw invalidField('tool_choice.type', 'tool_choice.type must be one of: auto, any, tool, none.')
  }
}

function isWebSearch(name: string, fields: JsonObject): boolean {
  const tool = (arrayAt(fields, 'tools') ?? []).find((entry) => isObject(entry) && entry.name === name)
  return isObject(tool) && typeof tool.type === 'string' && tool.type.startsWith('web_search')
}
