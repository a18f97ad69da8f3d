import { isObject, type JsonObject, stringAt } from '../../lib/json.ts'
import { GatewayError, invalidField } from '../../turn/errors.ts'
import { asObject, readArray, readObject, readString } from '../../turn/read-body.ts'
import type { InputItem, RemoteImage } from '../../turn/turn.ts'
import { readContent, textOf } from './content.ts'

export interface ChatInput {
  readonly input: InputItem[]
  readonly remoteImages: RemoteImage[]
  /** `messages.name` and the like, once each. */
  readonly dropped: string[]
}

/** Message keys with a meaning, or accepted as an agent's echo of our own answers (clients.md rule 5). */
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
  const legacy = readObject(message, 'function_call', `${path}.function_call`)
  if (legacy !== undefined) readLegacyCall(legacy, `${path}.function_call`, conversation)
}

/** The old form has no call ids: one is made from the call's place, so that the next turn makes the same. */
function readLegacyCall(call: JsonObject, path: string, conversation: Conversation): void {
  const callId = `call_legacy_${conversation.calls.size}`
  const item = toFunctionCall(call, callId, path)
  conversation.legacyCalls.set(item.name, callId)
  pushCall(conversation, item, path)
}

function readAssistantContent(message: JsonObject, path: string): JsonObject[] {
  const { content } = message
  const parts =
    typeof content === 'string'
      ? [{ type: 'output_text', text: content }]
      : (readArray(message, 'content', `${path}.content`) ?? []).map((value, index) =>
          readAssistantPart(asObject(value, `${path}.content[${index}]`), `${path}.content[${index}]`),
        )
  const refusal = readString(message, 'refusal', `${path}.refusal`)
  if (refusal !== undefined) parts.push({ type: 'refusal', refusal })
  return parts.filter((part) => part.text !== '' && part.refusal !== '')
}

function readAssistantPart(part: JsonObject, path: string): JsonObject {
  switch (part.type) {
    case 'text':
    case 'output_text':
      return { type: 'output_text', text: readString(part, 'text', `${path}.text`) ?? '' }
    case 'refusal':
      return { type: 'refusal', refusal: readString(part, 'refusal', `${path}.refusal`) ?? '' }
    default:
      throw invalidField(`${path}.type`, `${path}.type must be text or refusal in an assistant message.`)
  }
}

function readCall(call: JsonObject, path: string, conversation: Conversation): void {
  const callId = stringAt(call, 'id') ?? ''
  if (callId === '') throw invalidField(`${path}.id`, `${path} has no id.`)
  if (call.type === 'custom' || isObject(call.custom)) {
    const custom = asObject(call.custom, `${path}.custom`)
    const name = nameOf(custom, `${path}.custom.name`)
    const input = readString(custom, 'input', `${path}.custom.input`) ?? ''
    pushCall(conversation, { type: 'custom_tool_call', call_id: callId, name, input }, path)
    return
  }
  const inner = asObject(call.function, `${path}.function`)
  pushCall(conversation, toFunctionCall(inner, callId, `${path}.function`), path)
}

function toFunctionCall(call: JsonObject, callId: string, path: string) {
  const name = nameOf(call, `${path}.name`)
  const text = readString(call, 'arguments', `${path}.arguments`) ?? ''
  return { type: 'function_call', call_id: callId, name, arguments: text }
}

function pushCall(conversation: Conversation, item: InputItem & { call_id: string }, path: string): void {
  conversation.calls.set(item.call_id, { isCustom: item.type === 'custom_tool_call', path })
  conversation.input.push(item)
}

function readResult(message: JsonObject, path: string, conversation: Conversation): void {
  const callId = callIdOf(message, path, conversation)
  const call = conversation.calls.get(callId)
  if (call === undefined) {
    // A note is text, so images of the result are not fetched for it.
    const text = `Result of an earlier tool call (id ${callId}):\n${textOf(readOutput(message, path, []))}`
    conversation.input.push({ type: 'message', role: 'developer', content: [{ type: 'input_text', text }] })
    return
  }
  conversation.answered.add(callId)
  conversation.input.push({
    type: call.isCustom ? 'custom_tool_call_output' : 'function_call_output',
    call_id: callId,
    output: readOutput(message, path, conversation.remoteImages),
  })
}

/** Results of the old form name the function instead of the call. */
function callIdOf(message: JsonObject, path: string, { legacyCalls }: Conversation): string {
  if (message.role === 'function') {
    const name = nameOf(message, `${path}.name`)
    return legacyCalls.get(name) ?? name
  }
  const callId = stringAt(message, 'tool_call_id') ?? ''
  if (callId !== '') return callId
  throw invalidField(`${path}.tool_call_id`, `${path}.tool_call_id must name the call this is the result of.`)
}

function readOutput(message: JsonObject, path: string, remoteImages: RemoteImage[]): string | JsonObject[] {
  const { content } = message
  if (typeof content === 'string') return content
  const parts = readContent(content, path, remoteImages)
  return parts.length > 0 ? parts : ''
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
