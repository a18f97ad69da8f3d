import type { Response } from 'openai/resources/responses/responses'
import { shortId } from '../../lib/ids.ts'
import { arrayAt, isObject, type JsonObject, numberAt, objectAt, stringAt } from '../../lib/json.ts'
import type { Capabilities } from '../../turn/capabilities.ts'
import { toCompletionUsage } from '../../turn/completion-usage.ts'
import { isCall, messageText, reasoningText } from '../../turn/output-items.ts'
import { toToolText } from '../../turn/tool-text.ts'
import type { Turn } from '../../turn/turn.ts'
import { annotationsOf, type ChatCall, toChatCall } from './items.ts'

/** A finished response → `chat.completion` (connector.md §9.2). */
export function toChatCompletion(
  response: Response,
  turn: Turn,
  capabilities: Capabilities,
  nowSeconds = Math.floor(Date.now() / 1000),
): JsonObject {
  // What the backend really sent may lack what the type promises.
  const fields = response as unknown as JsonObject
  const items = (arrayAt(fields, 'output') ?? []).filter(isObject)
  const calls = items.filter(isCall).map((item) => toChatCall(item, turn))
  const usage = toCompletionUsage(fields.usage)
  return {
    id: toChatId(stringAt(fields, 'id')),
    object: 'chat.completion',
    created: numberAt(fields, 'created_at') ?? nowSeconds,
    model: turn.model,
    choices: [
      {
        index: 0,
        message: toMessage(items, calls, turn, capabilities),
        logprobs: null,
        finish_reason: toFinishReason(fields, calls.length > 0, turn),
      },
    ],
    ...(usage === undefined ? {} : { usage }),
    ...(typeof fields.service_tier === 'string' ? { service_tier: fields.service_tier } : {}),
  }
}

export function toChatId(responseId: string | undefined): string {
  return responseId === undefined ? shortId('chatcmpl-') : `chatcmpl-${responseId.replace(/^resp_/, '')}`
}

export type FinishReason = 'stop' | 'length' | 'content_filter' | 'tool_calls' | 'function_call'

export function toFinishReason(response: JsonObject, hasCalls: boolean, turn: Turn): FinishReason {
  if (response.status === 'incomplete') {
    const reason = stringAt(objectAt(response, 'incomplete_details') ?? {}, 'reason')
    return reason === 'content_filter' ? 'content_filter' : 'length'
  }
  if (!hasCalls) return 'stop'
  return turn.legacyFunctions ? 'function_call' : 'tool_calls'
}

function toMessage(
  items: readonly JsonObject[],
  calls: readonly ChatCall[],
  turn: Turn,
  capabilities: Capabilities,
): JsonObject {
  const messages = items.filter((item) => item.type === 'message')
  const reasoning = items
    .map((item) => (item.type === 'reasoning' ? reasoningText(item) : ''))
    .filter((text) => text !== '')
    .join('\n\n')
  const refusal = messages.map((item) => messageText(item, 'refusal')).join('')
  const annotations = messages.flatMap(annotationsOf)
  const output = capabilities.reasoning_output
  const thought = output === 'think_tags' && reasoning !== '' ? `<think>${reasoning}</think>` : ''
  const said = messages.map((item) => messageText(item, 'output_text')).join('')
  const content = thought + said + calls.map((call) => toText(call, capabilities)).join('')
  return {
    role: 'assistant',
    content: content === '' && (calls.length > 0 || refusal !== '') ? null : content,
    refusal: refusal === '' ? null : refusal,
    ...(output === 'reasoning_content' && reasoning !== '' ? { reasoning_content: reasoning } : {}),
    ...(annotations.length > 0 ? { annotations } : {}),
    ...(calls.length > 0 ? toCalls(calls, turn) : {}),
  }
}

function toText({ name, text }: ChatCall, capabilities: Capabilities): string {
  const { tool_text_format: format, fallback_tool_text_format: fallback } = capabilities
  return toToolText(name, text, { format, fallback })
}

function toCalls(calls: readonly ChatCall[], turn: Turn): JsonObject {
  const [first] = calls
  if (turn.legacyFunctions && first !== undefined) return { function_call: { name: first.name, arguments: first.text } }
  return {
    tool_calls: calls.map(({ id, type, name, text }) =>
      type === 'custom'
        ? { id, type, custom: { name, input: text } }
        : { id, type, function: { name, arguments: text } },
    ),
  }
}
