import { isObject, type JsonObject, stringAt } from '../../lib/json.ts'
import { GatewayError, invalidField } from '../../turn/errors.ts'
import { asObject, readArray } from '../../turn/read-body.ts'
import type { InputItem, RemoteImage } from '../../turn/turn.ts'
import { readContent, textOf } from './content.ts'

export interface ChatInput {
  readonly input: InputItem[]
  readonly remoteImages: RemoteImage[]
  /** `messages.name` and the like, once each. */
  readonly dropped: string[]
}

/** Message keys with a meaning, or accepted as an agent's echo of our own answers. */
const KNOWN_KEYS = new Set([
  'role',
  'content',
  'refusal',
  'tool_calls',
  'function_call',
  'tool_call_id',
  'reasoning_content',
  'reasoning',
  'annotations',
  'audio',
])

interface Conversation extends ChatInput {
  /** Calls so far by id. */
  readonly calls: Map<string, { readonly isCustom: boolean; readonly path: string }>
  readonly answered: Set<string>
  /** The id made for an old-form call, whose result names the function only. */
  readonly legacyCalls: Map<string, string>
}

/** Chat messages → input items, order kept (connector.md §7.3). @throws GatewayError with the path */
export function readMessages(messages: readonly unknown[] | undefined): ChatInput {
  if (messages === undefined || messages.length === 0) {
    throw invalidField('messages', 'messages must be a list of at least one message.')
  }
  const conversation: Conversation = {
    input: [],
    remoteImages: [],
    dropped: [],
    calls: new Map(),
    answered: new Set(),
    legacyCalls: new Map(),
  }
  for (const [index, value] of messages.entries()) {
    const path = `messages[${index}]`
    const message = asObject(value, path)
    noteUnknownKeys(message, conversation)
    readMessage(message, path, conversation)
  }
  refuseOpenCalls(messages.length, conversation)
  return conversation
}

function readMessage(message: JsonObject, path: string, conversation: Conversation): void {
  const { role } = message
  switch (role) {
    case 'system':
    case 'developer':
    case 'user': {
      const content = readContent(message.content, path, conversation.remoteImages)
      if (content.length > 0) conversation.input.push({ type: 'message', role, content })
      return
    }
    case 'assistant':
      readAssistant(message, path, conversation)
      return
    case 'tool':
    case 'function':
      readResult(message, path, conversation)
      return
    default:
      throw invalidField(`${path}.role`, `${path}.role must be one of: system, developer, user, assistant, tool.`)
  }
}

function readAssistant(message: JsonObject, path: string, conversation: Conversation): void {
  const content = readAssistantContent(message, path)
  if (content.length > 0) conversation.input.push({ type: 'message', role: 'assistant', content })
  for (const [index, value] of (readArray(message, 'tool_calls', `${path}.tool_calls`) ?? []).entries()) {
    readCall(asObject(value, `${path}.tool_calls[${index}]`), `${path}.tool_calls[${index}]`, conversation)
  }
  const legacy = message.function_call
  if (isObject(legacy)) {
    const name = nameOf(legacy, `${path}.function_call.name`)
    const callId = `call_legacy_${conversation.calls.size}`
    conversation.legacyCalls.set(name, callId)
    const item = { type: 'function_call', call_id: callId, name, arguments: stringAt(legacy, 'arguments') ?? '' }
    pushCall(conversation, item, `${path}.function_call`)
  }
}

function readAssistantContent(message: JsonObject, path: string): JsonObject[] {
  const { content, refusal } = message
  const parts: JsonObject[] = []
  if (typeof content === 'string') parts.push({ type: 'output_text', text: content })
  for (const [index, value] of (Array.isArray(content) ? content : []).entries()) {
    const part = asObject(value, `${path}.content[${index}]`)
    const text = stringAt(part, 'text')
    if (part.type === 'refusal') parts.push({ type: 'refusal', refusal: stringAt(part, 'refusal') ?? '' })
    else if (text !== undefined) parts.push({ type: 'output_text', text })
    else throw invalidField(`${path}.content[${index}].type`, 'Parts of an assistant message are text or refusal.')
  }
  if (typeof refusal === 'string') parts.push({ type: 'refusal', refusal })
  return parts.filter((part) => part.text !== '' && part.refusal !== '')
}

function readCall(call: JsonObject, path: string, conversation: Conversation): void {
  const callId = stringAt(call, 'id') ?? ''
  if (callId === '') throw invalidField(`${path}.id`, `${path} has no id.`)
  if (call.type === 'custom' || isObject(call.custom)) {
    const custom = asObject(call.custom, `${path}.custom`)
    const name = nameOf(custom, `${path}.custom.name`)
    const item = { type: 'custom_tool_call', call_id: callId, name, input: stringAt(custom, 'input') ?? '' }
    pushCall(conversation, item, path)
    return
  }
  const inner = asObject(call.function, `${path}.function`)
  const name = nameOf(inner, `${path}.function.name`)
  const item = { type: 'function_call', call_id: callId, name, arguments: stringAt(inner, 'arguments') ?? '' }
  pushCall(conversation, item, path)
}

function pushCall(conversation: Conversation, item: InputItem & { call_id: string }, path: string): void {
  conversation.calls.set(item.call_id, { isCustom: item.type === 'custom_tool_call', path })
  conversation.input.push(item)
}

function readResult(message: JsonObject, path: string, conversation: Conversation): void {
  const legacyId =
    message.role === 'function' ? conversation.legacyCalls.get(stringAt(message, 'name') ?? '') : undefined
  const callId = legacyId ?? stringAt(message, 'tool_call_id') ?? ''
  if (callId === '' && message.role === 'tool') {
    throw invalidField(`${path}.tool_call_id`, `${path}.tool_call_id must name the call this is the result of.`)
  }
  const output = readOutput(message, path, conversation)
  const call = conversation.calls.get(callId)
  if (call === undefined) {
    const text = `Result of an earlier tool call (id ${callId}):\n${textOf(output)}`
    conversation.input.push({ type: 'message', role: 'developer', content: [{ type: 'input_text', text }] })
    return
  }
  conversation.answered.add(callId)
  conversation.input.push({
    type: call.isCustom ? 'custom_tool_call_output' : 'function_call_output',
    call_id: callId,
    output,
  })
}

/** Plain text stays plain text, also when it came as parts of text only. */
function readOutput(message: JsonObject, path: string, conversation: Conversation): string | JsonObject[] {
  const { content } = message
  if (content === null || content === undefined) return ''
  if (typeof content === 'string') return content
  return readContent(content, path, conversation.remoteImages)
}

/** The backend wants a result for every call; only the last message may still be waiting for its own. */
function refuseOpenCalls(messageCount: number, { calls, answered }: Conversation): void {
  const lastMessage = `messages[${messageCount - 1}]`
  for (const [callId, { path }] of calls) {
    if (answered.has(callId) || path.startsWith(`${lastMessage}.`)) continue
    throw new GatewayError(
      'missing_tool_output',
      `The call "${callId}" has no result, but the conversation goes on. Send a tool message with this tool_call_id.`,
      { param: path },
    )
  }
}

function noteUnknownKeys(message: JsonObject, { dropped }: Conversation): void {
  for (const [key, value] of Object.entries(message)) {
    const isFunctionName = key === 'name' && message.role === 'function'
    if (KNOWN_KEYS.has(key) || isFunctionName || value === null) continue
    const name = `messages.${key}`
    if (!dropped.includes(name)) dropped.push(name)
  }
}

function nameOf(object: JsonObject, path: string): string {
  const name = stringAt(object, 'name') ?? ''
  if (name === '') throw invalidField(path, `${path} must name the tool.`)
  return name
}
