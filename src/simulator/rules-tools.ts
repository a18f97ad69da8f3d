import { arrayAt, isObject, type JsonObject, wordOf } from '../lib/json.ts'
import { apiError, detail, firstOf, missing, type Refusal, unknownParameter, wrongType } from './refusal.ts'
import { toolsOf } from './rules-input.ts'
import { findStrictFault } from './strict-fault.ts'

const MAX_NAME = 64
const TOOL_NAME = /^[A-Za-z0-9_-]+$/
const FUNCTION_KEYS = new Set(['type', 'name', 'description', 'parameters', 'strict', 'defer_loading', 'output_schema'])
const HOSTED = new Set(['web_search', 'image_generation', 'tool_search', 'local_shell'])

/** Rules for tool declarations and `tool_choice` (backend-facts.md §4, §6). */
export function findToolRefusal(body: JsonObject, items: readonly JsonObject[]): Refusal | undefined {
  if (body.tools !== undefined && body.tools !== null && !Array.isArray(body.tools))
    return wrongType('tools', 'an array')
  const { tools, path } = toolsOf(body, items)
  return findListRefusal(tools, path) ?? findChoiceRefusal(body.tool_choice, tools)
}

function findListRefusal(tools: readonly unknown[], path: string): Refusal | undefined {
  const names = new Set<string>()
  return firstOf(tools.entries(), ([index, tool]) => {
    const at = `${path}[${index}]`
    if (!isObject(tool)) return wrongType(at, 'an object')
    const refusal = findOneRefusal(tool, at)
    if (refusal !== undefined || typeof tool.name !== 'string') return refusal
    if (names.has(tool.name)) {
      return apiError(`Duplicate tool name '${wordOf(tool.name)}'.`, { param: `${at}.name`, code: 'invalid_value' })
    }
    names.add(tool.name)
    return undefined
  })
}

function findOneRefusal(tool: JsonObject, at: string): Refusal | undefined {
  if (tool.type === 'namespace') {
    return findNameRefusal(tool.name, `${at}.name`) ?? findListRefusal(arrayAt(tool, 'tools') ?? [], `${at}.tools`)
  }
  if (tool.type === 'custom') return findNameRefusal(tool.name, `${at}.name`)
  if (tool.type === 'function') return findFunctionRefusal(tool, at)
  return HOSTED.has(wordOf(tool.type)) ? undefined : detail(`Unsupported tool type: ${wordOf(tool.type)}`)
}

function findFunctionRefusal(tool: JsonObject, at: string): Refusal | undefined {
  const named = findNameRefusal(tool.name, `${at}.name`)
  if (named !== undefined) return named
  const unknown = Object.keys(tool).find((key) => !FUNCTION_KEYS.has(key))
  if (unknown !== undefined) return unknownParameter(`${at}.${unknown}`)
  const { parameters } = tool
  if (parameters === undefined || parameters === null) return undefined
  const fault =
    !isObject(parameters) || parameters.type !== 'object'
      ? `schema must be a JSON Schema of 'type: "object"', got 'type: ${JSON.stringify(isObject(parameters) ? (parameters.type ?? 'None') : parameters)}'`
      : tool.strict === true
        ? findStrictFault(parameters)
        : undefined
  return fault === undefined
    ? undefined
    : apiError(`Invalid schema for function '${wordOf(tool.name)}': ${fault}.`, {
        param: `${at}.parameters`,
        code: 'invalid_function_parameters',
      })
}

function findNameRefusal(name: unknown, param: string): Refusal | undefined {
  if (typeof name !== 'string') return missing(param)
  if (name.length > MAX_NAME) {
    return apiError(
      `Invalid '${param}': string too long. Expected a string with maximum length ${MAX_NAME}, but got a string with length ${name.length} instead.`,
      { param, code: 'string_above_max_length' },
    )
  }
  return TOOL_NAME.test(name)
    ? undefined
    : apiError(
        `Invalid '${param}': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.`,
        { param, code: 'invalid_value' },
      )
}

function findChoiceRefusal(choice: unknown, tools: readonly unknown[]): Refusal | undefined {
  if (choice === undefined || choice === null || choice === 'auto' || choice === 'none') return undefined
  if (choice === 'required') {
    return tools.length > 0
      ? undefined
      : apiError("Tool choice 'required' must be specified with 'tools' parameter.", { param: 'tool_choice' })
  }
  if (!isObject(choice)) return wrongType('tool_choice', "'auto', 'none', 'required' or an object")
  if (choice.type !== 'function' && choice.type !== 'custom') return undefined
  if (typeof choice.name !== 'string') return missing('tool_choice.name')
  const isKnown = flatNames(tools).includes(choice.name)
  return isKnown
    ? undefined
    : apiError(`Tool choice '${choice.name}' not found in 'tools' parameter.`, { param: 'tool_choice' })
}

function flatNames(tools: readonly unknown[]): unknown[] {
  return tools.flatMap((tool) => {
    if (!isObject(tool)) return []
    return tool.type === 'namespace' ? flatNames(arrayAt(tool, 'tools') ?? []) : [tool.name]
  })
}
