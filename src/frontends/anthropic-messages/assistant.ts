import { type JsonObject, stringAt, wordOf } from '../../lib/json.ts'
import { invalidField } from '../../turn/errors.ts'
import { toJsonText } from '../../turn/json-text.ts'
import { asObject } from '../../turn/read-body.ts'
import type { InputItem } from '../../turn/turn.ts'
import { readText } from './content.ts'
import { toReasoningItem } from './signature.ts'

interface AssistantTarget {
  readonly input: InputItem[]
  readonly calls: Map<string, string>
  readonly calledTools: Set<string>
}

/** An assistant message's content → text messages, reasoning and calls, order kept. @throws GatewayError with the path */
export function readAssistant(content: unknown, path: string, target: AssistantTarget): void {
  const blocks: unknown = typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? [])
  if (!Array.isArray(blocks)) throw invalidField(path, `${path} must be a string or a list of content blocks.`)
  for (const [index, value] of blocks.entries()) {
    const item = readItem(asObject(value, `${path}[${index}]`), `${path}[${index}]`, target)
    if (item !== undefined) target.input.push(item)
  }
}

/** Echoes without a meaning to this backend are left out: thinking that others sealed, and searches it did by itself. */
function readItem(block: JsonObject, path: string, target: AssistantTarget): InputItem | undefined {
  switch (block.type) {
    case 'text':
      return toTextMessage(readText(block, path))
    case 'thinking':
      return toReasoningItem(block)
    case 'tool_use':
      return readCall(block, path, target)
    case 'redacted_thinking':
    case 'web_search_tool_result':
      return undefined
    case 'server_tool_use':
      if (block.name === 'web_search') return undefined
      throw invalidField(`${path}.name`, `${path}.name: of the server tools only web_search exists here.`)
    default:
      throw invalidField(
        `${path}.type`,
        `${path}.type: "${wordOf(block.type).slice(0, 60)}" is not possible in an assistant message here. Use one of: text, thinking, tool_use.`,
      )
  }
}

/** A block of ours was an item of its own; joined to one they would not be known again. */
function toTextMessage(text: string): InputItem | undefined {
  return text === '' ? undefined : { type: 'message', role: 'assistant', content: [{ type: 'output_text', text }] }
}

function readCall(block: JsonObject, path: string, { calls, calledTools }: AssistantTarget): InputItem {
  const callId = stringAt(block, 'id') ?? ''
  if (callId === '') throw invalidField(`${path}.id`, `${path} has no id.`)
  const name = stringAt(block, 'name') ?? ''
  if (name === '') throw invalidField(`${path}.name`, `${path}.name must name the tool.`)
  calls.set(callId, path)
  calledTools.add(name)
  return { type: 'function_call', call_id: callId, name, arguments: toJsonText(block.input ?? {}, `${path}.input`) }
}
