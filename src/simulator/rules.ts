import { arrayAt, isObject, type JsonObject, objectAt, stringAt } from '../lib/json.ts'

export interface Refusal {
  readonly status: number
  readonly body: JsonObject
}

const ALLOWED = new Set([
  'model',
  'instructions',
  'input',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'reasoning',
  'text',
  'include',
  'store',
  'stream',
  'prompt_cache_key',
  'service_tier',
  'client_metadata',
  'access_programs',
])
const TOOL_NAME = /^[A-Za-z0-9_-]{1,64}$/
const ID_PREFIXES: Record<string, readonly string[]> = {
  message: ['msg_', 'amsg_'],
  reasoning: ['rs_'],
  function_call: ['fc_'],
  function_call_output: ['fco_'],
  custom_tool_call: ['ctc_'],
  custom_tool_call_output: ['ctco_'],
  additional_tools: ['at_'],
}

/** What the backend refuses, in its own words (backend-facts.md §4, §5, §9; upstream.md §10.1); undefined = accepted. */
export function findRefusal(
  body: JsonObject,
  headers: Readonly<Record<string, unknown>>,
  models: readonly JsonObject[],
): Refusal | undefined {
  if (body.store !== false) return detail('Store must be set to false')
  if (body.stream !== true) return detail('Stream must be set to true')
  const foreign = Object.keys(body).find((name) => !ALLOWED.has(name))
  if (foreign !== undefined) return detail(`Unsupported parameter: ${foreign}`)
  const model = models.find(({ slug }) => slug === body.model)
  if (model === undefined)
    return detail(`The '${body.model}' model is not supported when using Codex with a ChatGPT account.`)
  const input = arrayAt(body, 'input')
  if (input === undefined || input.length === 0) return detail('Input must be a list')
  return (
    findShapeRefusal(body, headers, model) ??
    findItemRefusal(input.filter(isObject)) ??
    findToolRefusal(body) ??
    findValueRefusal(body, model)
  )
}

function findShapeRefusal(
  body: JsonObject,
  headers: Readonly<Record<string, unknown>>,
  model: JsonObject,
): Refusal | undefined {
  const isLite = headers['x-openai-internal-codex-responses-lite'] === 'true'
  const first = arrayAt(body, 'input')?.[0]
  if (!isLite) {
    const opensAsDeveloper = isObject(first) && first.role === 'developer'
    return typeof body.instructions === 'string' || opensAsDeveloper ? undefined : detail('Instructions are required')
  }
  if (model.use_responses_lite !== true) return detail('Responses lite is not available for this model')
  if (body.tools !== undefined) return detail('Unsupported parameter: tools')
  return body.parallel_tool_calls === false ? undefined : detail('Unsupported parameter: parallel_tool_calls')
}

function findItemRefusal(items: readonly JsonObject[]): Refusal | undefined {
  const calls = new Set<unknown>()
  const outputs = new Set<unknown>()
  for (const [index, item] of items.entries()) {
    if (item.role === 'system') return detail('System messages are not allowed')
    const prefixes = ID_PREFIXES[String(item.type)]
    const id = stringAt(item, 'id')
    if (id !== undefined && prefixes !== undefined && !prefixes.some((prefix) => id.startsWith(prefix))) {
      return error(
        `Invalid 'input[${index}].id': '${id}'. Expected an ID that begins with '${prefixes[0]?.slice(0, -1)}'.`,
      )
    }
    if (id !== undefined && /^(?:msg|rs|fc|ctc)_sim/.test(id)) {
      return {
        ...error(`Item with id '${id}' not found. Items are not persisted when \`store\` is set to false.`),
        status: 404,
      }
    }
    if (item.type === 'function_call' || item.type === 'custom_tool_call') calls.add(item.call_id)
    if (String(item.type).endsWith('_call_output')) {
      if (!calls.has(item.call_id))
        return error(`No tool call found for function call output with call_id ${item.call_id}.`)
      outputs.add(item.call_id)
    }
    const unknown =
      item.role === undefined
        ? undefined
        : Object.keys(item).find((key) => ['name', 'refusal'].includes(key) || key.startsWith('_'))
    if (unknown !== undefined) return error(`Unknown parameter: 'input[${index}].${unknown}'.`, 'unknown_parameter')
  }
  const open = [...calls].find((id) => !outputs.has(id))
  return open === undefined ? undefined : error(`No tool output found for function call ${open}.`)
}

function findToolRefusal(body: JsonObject): Refusal | undefined {
  for (const tool of (arrayAt(body, 'tools') ?? []).filter(isObject)) {
    if (tool.type !== 'function' && tool.type !== 'custom') continue
    const name = stringAt(tool, 'name') ?? ''
    if (!TOOL_NAME.test(name))
      return error(`Invalid 'tools.name': '${name}' does not match the pattern '^[a-zA-Z0-9_-]+$'.`)
  }
  return undefined
}

function findValueRefusal(body: JsonObject, model: JsonObject): Refusal | undefined {
  const effort = stringAt(objectAt(body, 'reasoning') ?? {}, 'effort')
  const levels = (arrayAt(model, 'supported_reasoning_levels') ?? []).filter(isObject).map((level) => level.effort)
  const onWire = levels.map((level) => (level === 'ultra' ? 'max' : level))
  if (effort !== undefined && !onWire.includes(effort)) {
    return error(
      `Unsupported value: '${effort}' is not supported with this model. Supported values are: ${levels.join(', ')}.`,
      'unsupported_value',
    )
  }
  const tier = body.service_tier
  return tier === undefined || tier === 'priority' || tier === 'flex'
    ? undefined
    : error(`Unsupported service_tier: ${tier}`)
}

function detail(text: string): Refusal {
  return { status: 400, body: { detail: text } }
}

function error(message: string, code: string | null = null): Refusal {
  return { status: 400, body: { error: { type: 'invalid_request_error', message, code, param: null } } }
}
