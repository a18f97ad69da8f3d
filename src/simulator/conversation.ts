import { arrayAt, isObject, type JsonObject, stringAt, wordOf } from '../lib/json.ts'

/** What the simulator reads out of a request to answer it. */
export interface Conversation {
  readonly items: readonly JsonObject[]
  /** Text of the last user message; '' without one. */
  readonly prompt: string
  /** True when nothing but the user's own words wait for an answer. */
  readonly isFreshPrompt: boolean
  /** Calls made since that message, each with the text of its result. */
  readonly results: readonly { readonly call: JsonObject; readonly output: string }[]
  /** Every tool on offer, nested ones included. */
  readonly tools: readonly OfferedTool[]
}

export interface OfferedTool {
  readonly name: string
  readonly namespace: string | undefined
  readonly type: string
  readonly parameters: JsonObject
}

export function toConversation(body: JsonObject): Conversation {
  const items = (arrayAt(body, 'input') ?? []).filter(isObject)
  const lastUser = items.findLastIndex(({ role }) => role === 'user')
  const since = items.slice(lastUser + 1)
  const declared = items.flatMap((entry) => (entry.type === 'additional_tools' ? (arrayAt(entry, 'tools') ?? []) : []))
  return {
    items,
    prompt: textOf(items[lastUser]?.content),
    isFreshPrompt: lastUser !== -1 && since.every(({ role }) => role === 'developer'),
    results: toResults(since),
    tools: toTools([...(arrayAt(body, 'tools') ?? []), ...declared], undefined),
  }
}

function toResults(items: readonly JsonObject[]): { call: JsonObject; output: string }[] {
  return items.flatMap((entry) => {
    if (!wordOf(entry.type).endsWith('_call_output')) return []
    const call = items.find(({ type, call_id: id }) => id === entry.call_id && !wordOf(type).endsWith('_output'))
    return call === undefined ? [] : [{ call, output: textOf(entry.output) }]
  })
}

function toTools(tools: readonly unknown[], namespace: string | undefined): OfferedTool[] {
  return tools.filter(isObject).flatMap((tool): OfferedTool[] => {
    const name = stringAt(tool, 'name')
    if (tool.type === 'namespace') return toTools(arrayAt(tool, 'tools') ?? [], name)
    if (name === undefined) return []
    const parameters = isObject(tool.parameters) ? tool.parameters : {}
    return [{ name, namespace, type: wordOf(tool.type), parameters }]
  })
}

/** A content that is a string or a list of parts, as text. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content.map((part) => (isObject(part) ? (stringAt(part, 'text') ?? '') : '')).join('')
}
