import { isObject, type JsonObject, stringAt, wordOf } from '../../lib/json.ts'
import { GatewayError, invalidField } from '../../turn/errors.ts'
import { asObject, readArray, readObject, readString } from '../../turn/read-body.ts'
import type { InputItem } from '../../turn/turn.ts'
import { readAssistant } from './assistant.ts'
import { type Notes, readPart, readParts, readText } from './content.ts'
import { readSystemMessage, type ToolChanges } from './system-message.ts'

export interface Conversation extends Notes, ToolChanges {
  readonly input: InputItem[]
  /** Calls so far: id → path. */
  readonly calls: Map<string, string>
  readonly answered: Set<string>
  /** Names of the tools called so far. */
  readonly calledTools: Set<string>
  /** The last effort that a message set for the turns behind it. */
  effort: string | undefined
}

const KNOWN_KEYS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['user', new Set(['role', 'content'])],
  ['assistant', new Set(['role', 'content'])],
  ['system', new Set(['role', 'content', 'output_config', 'clear_at'])],
])

/** `system` and `messages` → input items, order kept. @throws GatewayError with the path */
export function readMessages(fields: JsonObject): Conversation {
  const messages = readArray(fields, 'messages') ?? []
  if (messages.length === 0) throw invalidField('messages', 'messages must be a list of at least one message.')
  const conversation: Conversation = {
    input: [],
    remoteImages: [],
    dropped: new Set(),
    loadedTools: new Set(),
    toolChanges: new Map(),
    calls: new Map(),
    answered: new Set(),
    calledTools: new Set(),
    effort: undefined,
  }
  pushMessage(conversation.input, 'system', readSystem(fields.system))
  const lastUser = messages.findLastIndex((message) => isObject(message) && message.role === 'user')
  for (const [index, value] of messages.entries()) {
    const message = asObject(value, `messages[${index}]`)
    noteUnknownKeys(message, conversation)
    readMessage(message, { path: `messages[${index}]`, isBeforeUser: index < lastUser }, conversation)
  }
  refuseOpenCalls(conversation)
  refusePrefill(messages)
  return conversation
}

function readSystem(system: unknown): JsonObject[] {
  if (system === undefined || system === null || system === '') return []
  if (typeof system === 'string') return [{ type: 'input_text', text: system }]
  if (!Array.isArray(system)) throw invalidField('system', 'system must be a string or a list of text blocks.')
  return system.flatMap((value, index) => {
    const path = `system[${index}]`
    const block = asObject(value, path)
    if (block.type !== 'text') throw invalidField(`${path}.type`, `${path}.type must be text.`)
    const text = readText(block, path)
    return text === '' ? [] : [{ type: 'input_text', text }]
  })
}

interface Place {
  readonly path: string
  /** A later user message follows. */
  readonly isBeforeUser: boolean
}

function readMessage(message: JsonObject, { path, isBeforeUser }: Place, conversation: Conversation): void {
  switch (message.role) {
    case 'user':
      readUser(message.content, `${path}.content`, conversation)
      return
    case 'assistant':
      readAssistant(message.content, `${path}.content`, conversation)
      return
    case 'system': {
      const parts = readSystemMessage(message.content, `${path}.content`, conversation)
      const config = readObject(message, 'output_config', `${path}.output_config`) ?? {}
      conversation.effort = readString(config, 'effort', `${path}.output_config.effort`) ?? conversation.effort
      const isCleared = message.clear_at === 'next_user_message' && isBeforeUser
      if (!isCleared) pushMessage(conversation.input, 'system', parts)
      return
    }
    default:
      throw invalidField(`${path}.role`, `${path}.role must be one of: user, assistant, system.`)
  }
}

function readUser(content: unknown, path: string, conversation: Conversation): void {
  const { input } = conversation
  if (!Array.isArray(content)) {
    pushMessage(input, 'user', readParts(content, path, conversation))
    return
  }
  let parts: JsonObject[] = []
  for (const [index, value] of content.entries()) {
    const block = asObject(value, `${path}[${index}]`)
    if (block.type !== 'tool_result') {
      parts.push(...readPart(block, `${path}[${index}]`, conversation))
      continue
    }
    pushMessage(input, 'user', parts)
    parts = []
    readResult(block, `${path}[${index}]`, conversation)
  }
  pushMessage(input, 'user', parts)
}

function readResult(block: JsonObject, path: string, conversation: Conversation): void {
  const callId = stringAt(block, 'tool_use_id') ?? ''
  if (callId === '') {
    throw invalidField(`${path}.tool_use_id`, `${path}.tool_use_id must name the call this is the result of.`)
  }
  if (!conversation.calls.has(callId)) {
    // A note is text, so images of the result are not fetched for it.
    const output = readOutput(block, path, { ...conversation, remoteImages: [] })
    const text = typeof output === 'string' ? output : output.flatMap((part) => stringAt(part, 'text') ?? []).join('\n')
    const note = `Result of an earlier tool call (id ${callId}):\n${text}`
    pushMessage(conversation.input, 'developer', [{ type: 'input_text', text: note }])
    return
  }
  conversation.answered.add(callId)
  const output = readOutput(block, path, conversation)
  conversation.input.push({ type: 'function_call_output', call_id: callId, output })
}

/** The backend has no place for `is_error`: it is said in front of the result. */
const FAILED = 'The tool call failed (is_error):'

function readOutput(block: JsonObject, path: string, notes: Notes): string | JsonObject[] {
  const { content, is_error: isError } = block
  if (typeof content === 'string') return isError === true ? `${FAILED}\n${content}` : content
  const parts = readParts(content, `${path}.content`, notes)
  if (parts.length === 0) return isError === true ? FAILED : ''
  return isError === true ? [{ type: 'input_text', text: FAILED }, ...parts] : parts
}

function pushMessage(input: InputItem[], role: string, content: readonly JsonObject[]): void {
  if (content.length > 0) input.push({ type: 'message', role, content })
}

/** The backend wants a result for every call, as this API does. */
function refuseOpenCalls({ calls, answered }: Conversation): void {
  for (const [callId, path] of calls) {
    if (answered.has(callId)) continue
    throw new GatewayError(
      'missing_tool_output',
      `${path}: the call "${callId}" has no result. Send a tool_result block with this tool_use_id in the next user message.`,
      { param: path },
    )
  }
}

/** A started answer would not be continued but answered, which is not what the client asked for. */
function refusePrefill(messages: readonly unknown[]): void {
  const index = messages.findLastIndex((message) => isObject(message) && message.role !== 'system')
  const last = messages[index]
  if (!isObject(last) || last.role !== 'assistant') return
  throw new GatewayError(
    'unsupported_parameter',
    `messages[${index}]: this backend does not continue a started answer (prefill); the conversation must end with a user message.`,
    { param: `messages[${index}]` },
  )
}

function noteUnknownKeys(message: JsonObject, { dropped }: Conversation): void {
  const known = KNOWN_KEYS.get(wordOf(message.role))
  for (const [key, value] of Object.entries(message)) {
    if (known?.has(key) !== true && value !== null) dropped.add(`messages.${key}`)
  }
}
