import { isUuid } from '../lib/ids.ts'
import { arrayAt, isObject, type JsonObject, stringAt, wordOf } from '../lib/json.ts'
import { apiError, detail, firstOf, missing, type Refusal, unknownParameter, wrongType, wrongValue } from './refusal.ts'

const ID_PREFIXES: Record<string, readonly string[]> = {
  message: ['msg_', 'amsg_'],
  reasoning: ['rs_'],
  function_call: ['fc_'],
  function_call_output: ['fco_', 'fc_'],
  custom_tool_call: ['ctc_'],
  custom_tool_call_output: ['ctco_', 'ctc_'],
  tool_search_call: ['tsc_'],
  web_search_call: ['ws_'],
  additional_tools: ['at_'],
}
/**
 * Items the model makes; an id of theirs is taken as a reference to something stored (backend-facts.md §4). Clients that
 * number their own items, like the Codex CLI, use UUIDs, which the backend never does.
 */
const OUTPUT_TYPES = new Set(['message', 'reasoning', 'function_call', 'custom_tool_call', 'web_search_call'])
/** The Codex CLI sends the backend's own ids back on items that carry this (upstream.md §1.4). */
const CLI_METADATA = 'internal_chat_message_metadata_passthrough'
const MESSAGE_KEYS = new Set(['type', 'id', 'role', 'content', 'status', 'phase', 'metadata', CLI_METADATA])
const INPUT_PARTS = ['input_text', 'input_image', 'input_file']
const OUTPUT_PARTS = ['output_text', 'refusal']
const PART_MEMBER: Record<string, string> = { input_text: 'text', output_text: 'text', refusal: 'refusal' }
const TOOL_NAME = /^[A-Za-z0-9_-]{1,64}$/

/**
 * Rules for the conversation: roles, keys, ids, parts, and that calls and results pair (backend-facts.md §4, §9).
 * @param context `items` behind those of the response they continue: calls pair across the two
 */
export function findInputRefusal(
  items: readonly JsonObject[],
  context: readonly JsonObject[] = items,
): Refusal | undefined {
  return (
    firstOf(items.entries(), ([index, entry]) => findItemRefusal(entry, `input[${index}]`)) ??
    findPairingRefusal(context)
  )
}

function findItemRefusal(entry: JsonObject, path: string): Refusal | undefined {
  const type = typeOf(entry)
  if (entry.role === 'system') return detail('System messages are not allowed')
  if (type === undefined) return missing(`${path}.type`)
  if (type === 'item_reference') return notPersisted(wordOf(entry.id))
  return findIdRefusal(entry, path) ?? CHECKS[type]?.(entry, path)
}

/** A message may leave its type out. */
function typeOf(entry: JsonObject): string | undefined {
  return stringAt(entry, 'type') ?? (entry.role === undefined ? undefined : 'message')
}

const CHECKS: Record<string, (entry: JsonObject, path: string) => Refusal | undefined> = {
  message: findMessageRefusal,
  reasoning: (entry, path) => (Array.isArray(entry.summary) ? undefined : missing(`${path}.summary`)),
  function_call: (entry, path) =>
    findMissing(entry, path, ['call_id', 'name', 'arguments']) ?? findNameRefusal(entry, path),
  custom_tool_call: (entry, path) =>
    findMissing(entry, path, ['call_id', 'name', 'input']) ?? findNameRefusal(entry, path),
  function_call_output: findOutputRefusal,
  custom_tool_call_output: findOutputRefusal,
  additional_tools: (entry, path) => (Array.isArray(entry.tools) ? undefined : missing(`${path}.tools`)),
}

function findIdRefusal(entry: JsonObject, path: string): Refusal | undefined {
  const { id } = entry
  if (id === undefined || id === null) return undefined
  if (typeof id !== 'string') return wrongType(`${path}.id`, 'a string')
  const type = typeOf(entry) ?? ''
  const prefixes = ID_PREFIXES[type]
  if (prefixes === undefined) return undefined
  const prefix = prefixes.find((candidate) => id.startsWith(candidate))
  if (prefix === undefined) {
    const param = `${path}.id`
    const expected = prefixes[0]?.replace(/_$/, '')
    return apiError(`Invalid '${param}': '${id}'. Expected an ID that begins with '${expected}'.`, {
      param,
      code: 'invalid_value',
    })
  }
  const isOwn = isUuid(id.slice(prefix.length))
  return isOwn || !OUTPUT_TYPES.has(type) || entry[CLI_METADATA] !== undefined ? undefined : notPersisted(id)
}

function notPersisted(id: string): Refusal {
  return apiError(
    `Item with id '${id}' not found. Items are not persisted when \`store\` is set to false. Try again with \`store\` set to true, or remove this item from your input.`,
    { param: 'input', status: 404 },
  )
}

function findMessageRefusal(entry: JsonObject, path: string): Refusal | undefined {
  const unknown = Object.keys(entry).find((key) => !MESSAGE_KEYS.has(key))
  if (unknown !== undefined) return unknownParameter(`${path}.${unknown}`)
  const { role, content } = entry
  if (role !== 'user' && role !== 'developer' && role !== 'assistant') {
    return wrongValue(`${path}.role`, role, ['assistant', 'developer', 'user'])
  }
  if (content === undefined) return missing(`${path}.content`)
  if (typeof content === 'string') return undefined
  if (!Array.isArray(content)) return wrongType(`${path}.content`, 'a string or an array')
  return findPartsRefusal(content, `${path}.content`, role === 'assistant' ? OUTPUT_PARTS : INPUT_PARTS)
}

function findOutputRefusal(entry: JsonObject, path: string): Refusal | undefined {
  if (typeof entry.call_id !== 'string') return missing(`${path}.call_id`)
  const { output } = entry
  if (output === undefined) return missing(`${path}.output`)
  if (typeof output === 'string') return undefined
  if (!Array.isArray(output)) return wrongType(`${path}.output`, 'a string or an array')
  return findPartsRefusal(output, `${path}.output`, INPUT_PARTS)
}

function findPartsRefusal(parts: readonly unknown[], path: string, allowed: readonly string[]): Refusal | undefined {
  return firstOf(parts.entries(), ([index, value]) => {
    const at = `${path}[${index}]`
    if (!isObject(value)) return wrongType(at, 'an object')
    const type = wordOf(value.type)
    if (!allowed.includes(type)) return wrongValue(`${at}.type`, value.type, allowed)
    const member = PART_MEMBER[type]
    if (member !== undefined && typeof value[member] !== 'string') return missing(`${at}.${member}`)
    const hasImage = typeof value.image_url === 'string' || typeof value.file_id === 'string'
    return type === 'input_image' && !hasImage ? missing(`${at}.image_url`) : undefined
  })
}

function findMissing(entry: JsonObject, path: string, keys: readonly string[]): Refusal | undefined {
  return firstOf(keys, (key) => (typeof entry[key] === 'string' ? undefined : missing(`${path}.${key}`)))
}

function findNameRefusal(entry: JsonObject, path: string): Refusal | undefined {
  if (TOOL_NAME.test(wordOf(entry.name))) return undefined
  const param = `${path}.name`
  return apiError(
    `Invalid '${param}': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.`,
    { param, code: 'invalid_value' },
  )
}

const PAIRS = [
  { call: 'function_call', output: 'function_call_output', name: 'function call' },
  { call: 'custom_tool_call', output: 'custom_tool_call_output', name: 'custom tool call' },
] as const

function findPairingRefusal(items: readonly JsonObject[]): Refusal | undefined {
  return firstOf(PAIRS, ({ call, output, name }) => {
    const open = new Set<unknown>()
    const seen = new Set<unknown>()
    for (const entry of items) {
      if (entry.type === call) {
        open.add(entry.call_id)
        seen.add(entry.call_id)
      } else if (entry.type === output) {
        if (!seen.has(entry.call_id))
          return unpaired(`No tool call found for ${name} output with call_id ${entry.call_id}.`)
        open.delete(entry.call_id)
      }
    }
    const [unanswered] = open
    return unanswered === undefined ? undefined : unpaired(`No tool output found for ${name} ${unanswered}.`)
  })
}

function unpaired(message: string): Refusal {
  return apiError(message, { param: 'input' })
}

/** All tools a request brings, flat ones and those of a first `additional_tools` item. */
export function toolsOf(body: JsonObject, items: readonly JsonObject[]): { tools: unknown[]; path: string } {
  const first = items[0]
  if (first?.type === 'additional_tools') return { tools: arrayAt(first, 'tools') ?? [], path: 'input[0].tools' }
  return { tools: arrayAt(body, 'tools') ?? [], path: 'tools' }
}
