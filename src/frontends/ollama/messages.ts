import { isObject, type JsonObject, stringAt } from '../../lib/json.ts'
import { CallLedger } from '../../turn/call-ledger.ts'
import { GatewayError, invalidField } from '../../turn/errors.ts'
import { toJsonText } from '../../turn/json-text.ts'
import { asObject, readArray, readString } from '../../turn/read-body.ts'
import type { InputItem } from '../../turn/turn.ts'
import { readImages } from './images.ts'

export interface Conversation {
  readonly input: InputItem[]
  /** `messages.NAME` of what has no place in the backend's form. */
  readonly dropped: ReadonlySet<string>
}

interface Reading {
  readonly input: InputItem[]
  readonly calls: CallLedger
  readonly dropped: Set<string>
}

/** `thinking` is left out: the gateway itself gives the backend its sealed reasoning back. */
const KNOWN_KEYS = new Set(['role', 'content', 'thinking', 'images', 'tool_calls', 'tool_name', 'tool_call_id'])

/** `messages` → input items, order kept. @throws GatewayError with the path */
export function readMessages(fields: JsonObject): Conversation {
  const messages = readArray(fields, 'messages') ?? []
  if (messages.length === 0) throw invalidField('messages', 'messages must be a list of at least one message.')
  const reading: Reading = { input: [], calls: new CallLedger(), dropped: new Set() }
  for (const [index, value] of messages.entries()) {
    const path = `messages[${index}]`
    const message = asObject(value, path)
    for (const [key, member] of Object.entries(message)) {
      if (!KNOWN_KEYS.has(key) && member !== null) reading.dropped.add(`messages.${key}`)
    }
    readMessage(message, path, reading)
  }
  reading.calls.refuseOpen()
  refuseStarted(messages)
  return reading
}

/** `system`, `prompt` and `images` of a generate request → input items. @throws GatewayError with the path */
export function readPrompt(fields: JsonObject): Conversation {
  const input: InputItem[] = []
  pushMessage(input, 'system', toText(readString(fields, 'system') ?? ''))
  const parts = [...toText(readString(fields, 'prompt') ?? ''), ...readImages(fields, 'images')]
  if (parts.length === 0) throw invalidField('prompt', 'prompt must be a string that is not empty.')
  pushMessage(input, 'user', parts)
  return { input, dropped: new Set() }
}

function readMessage(message: JsonObject, path: string, reading: Reading): void {
  const text = readString(message, 'content', `${path}.content`) ?? ''
  switch (message.role) {
    case 'system':
    case 'user':
      pushMessage(reading.input, message.role, [...toText(text), ...readImages(message, `${path}.images`)])
      return
    case 'assistant':
      pushMessage(reading.input, 'assistant', text === '' ? [] : [{ type: 'output_text', text }])
      for (const [index, value] of (readArray(message, 'tool_calls', `${path}.tool_calls`) ?? []).entries()) {
        const place = `${path}.tool_calls[${index}]`
        readCall(asObject(value, place), place, reading)
      }
      return
    case 'tool':
      readResult(message, text, path, reading)
      return
    default:
      throw invalidField(`${path}.role`, `${path}.role must be one of: system, user, assistant, tool.`)
  }
}

function readCall(call: JsonObject, path: string, { input, calls }: Reading): void {
  const called = asObject(call.function, `${path}.function`)
  const name = stringAt(called, 'name') ?? ''
  if (name === '') throw invalidField(`${path}.function.name`, `${path}.function.name must name the tool.`)
  const args = called.arguments ?? {}
  const text = typeof args === 'string' ? args : toJsonText(args, `${path}.function.arguments`)
  const callId = calls.open(stringAt(call, 'id') ?? '', name, path)
  input.push({ type: 'function_call', call_id: callId, name, arguments: text })
}

function readResult(message: JsonObject, text: string, path: string, { input, calls }: Reading): void {
  const name = stringAt(message, 'tool_name') ?? ''
  const callId = calls.answer(stringAt(message, 'tool_call_id') ?? '', name)
  const images = readImages(message, `${path}.images`)
  if (callId === undefined) {
    const what = name === '' ? 'an earlier tool call' : `an earlier call of the tool "${name}"`
    pushMessage(input, 'developer', [{ type: 'input_text', text: `Result of ${what}:\n${text}` }])
    return
  }
  const output = images.length === 0 ? text : [...toText(text), ...images]
  input.push({ type: 'function_call_output', call_id: callId, output })
}

function toText(text: string): JsonObject[] {
  return text === '' ? [] : [{ type: 'input_text', text }]
}

function pushMessage(input: InputItem[], role: string, content: readonly JsonObject[]): void {
  if (content.length > 0) input.push({ type: 'message', role, content })
}

/** A started answer would not be continued but answered, which is not what the client asked for. */
function refuseStarted(messages: readonly unknown[]): void {
  const last = messages.at(-1)
  if (!isObject(last) || last.role !== 'assistant') return
  const param = `messages[${messages.length - 1}]`
  throw new GatewayError(
    'unsupported_parameter',
    `${param}: this backend does not continue a started answer; the conversation must end with a user message.`,
    { param },
  )
}
