import { isObject, type JsonObject, stringAt, wordOf } from '../../lib/json.ts'
import { invalidField } from '../../turn/errors.ts'
import { toCurrentWebSearch, toFlatTool } from '../../turn/flat-tools.ts'
import { asObject, readArray } from '../../turn/read-body.ts'
import { checkStrictSchema } from '../../turn/strict-schema.ts'

export interface ChatTools {
  /** Flat Responses form, in the client's order. */
  readonly tools: JsonObject[]
  readonly customNames: ReadonlySet<string>
  /** Asked in the old form, `functions` or `function_call`. */
  readonly isLegacy: boolean
}

/** `tools`, or the old `functions` (connector.md §7.2). @throws GatewayError with the path of the tool at fault */
export function readTools(fields: JsonObject): ChatTools {
  const functions = readArray(fields, 'functions') ?? []
  const tools = readArray(fields, 'tools') ?? []
  if (functions.length > 0 && tools.length > 0) {
    throw invalidField('functions', 'functions is the old form of tools; send one of them, not both.')
  }
  const seen = new Set<string>()
  const flat = [
    ...functions.map((entry, index) => readFunction(asObject(entry, `functions[${index}]`), index, seen)),
    ...tools.map((entry, index) => readTool(asObject(entry, `tools[${index}]`), `tools[${index}]`, seen)),
  ]
  const customNames = new Set(flat.filter(({ type }) => type === 'custom').map(({ name }) => wordOf(name)))
  const hasLegacyChoice = (fields.function_call ?? undefined) !== undefined
  return { tools: flat, customNames, isLegacy: functions.length > 0 || (hasLegacyChoice && tools.length === 0) }
}

function readFunction(declared: JsonObject, index: number, seen: Set<string>): JsonObject {
  return readTool({ ...declared, type: 'function' }, `functions[${index}]`, seen)
}

function readTool(tool: JsonObject, path: string, seen: Set<string>): JsonObject {
  if (typeof tool.type !== 'string') throw invalidField(path, `${path} has no type, e.g. "function".`)
  const flat = toFlatTool(tool)
  if (flat.type !== 'function' && flat.type !== 'custom') return flat
  const name = stringAt(flat, 'name') ?? ''
  if (name === '') throw invalidField(path, `${path} has no name.`)
  if (seen.has(name)) throw invalidField(path, `${path}: the name "${name}" is used twice.`)
  seen.add(name)
  if (flat.strict === true) {
    const inner = isObject(tool.function) ? '.function.parameters' : '.parameters'
    checkStrictSchema(flat.parameters, path + inner, 'invalid_function_parameters')
  }
  return flat
}

/** `tool_choice` and the old `function_call`, in flat form; undefined = not asked. */
export function readToolChoice(fields: JsonObject): unknown {
  const legacy = fields.function_call ?? undefined
  if (legacy !== undefined && (fields.tool_choice ?? undefined) === undefined) return readLegacyChoice(legacy)
  const choice = fields.tool_choice ?? undefined
  if (choice === undefined) return undefined
  if (choice === 'none' || choice === 'auto' || choice === 'required') return choice
  if (isObject(choice)) return readChoiceObject(choice)
  throw invalidField('tool_choice', 'tool_choice must be none, auto, required, or an object naming a tool.')
}

function readLegacyChoice(choice: unknown): unknown {
  if (choice === 'none' || choice === 'auto') return choice
  const name = isObject(choice) ? stringAt(choice, 'name') : undefined
  if (name !== undefined) return { type: 'function', name }
  throw invalidField('function_call', 'function_call must be none, auto, or {"name": "…"}.')
}

function readChoiceObject(choice: JsonObject): JsonObject {
  if (choice.type === 'allowed_tools') {
    const allowed = isObject(choice.allowed_tools) ? choice.allowed_tools : choice
    const tools = readArray(allowed, 'tools', 'tool_choice.allowed_tools.tools') ?? []
    return {
      type: 'allowed_tools',
      mode: allowed.mode ?? 'auto',
      tools: tools.map((tool, index) => toFlatChoice(asObject(tool, `tool_choice.allowed_tools.tools[${index}]`))),
    }
  }
  return toFlatChoice(choice)
}

function toFlatChoice(choice: JsonObject): JsonObject {
  const { type } = choice
  if (type !== 'function' && type !== 'custom') return toCurrentWebSearch(choice)
  const inner = choice[type]
  const name = stringAt(isObject(inner) ? inner : choice, 'name') ?? ''
  if (name === '') throw invalidField('tool_choice', `tool_choice of type ${type} must name the tool.`)
  return { type, name }
}
