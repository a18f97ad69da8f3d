import type { Message } from '@anthropic-ai/sdk/resources/messages'
import type { Response } from 'openai/resources/responses/responses'
import { shortId } from '../../lib/ids.ts'
import { arrayAt, isObject, type JsonObject, stringAt } from '../../lib/json.ts'
import type { Capabilities } from '../../turn/capabilities.ts'
import { isCall, messageText } from '../../turn/output-items.ts'
import type { ThinkingShown, Turn } from '../../turn/turn.ts'
import { toBlocks } from './blocks.ts'
import { toStop } from './stop.ts'
import { NO_USAGE, toUsage } from './usage.ts'

/** A finished response → this API's message. */
export function toMessage(response: Response, turn: Turn, capabilities: Capabilities): JsonObject {
  // What the backend really sent may lack what the type promises.
  const fields = response as unknown as JsonObject
  const items = (arrayAt(fields, 'output') ?? []).filter(isObject)
  const shown = thinkingShown(turn, capabilities)
  const webSearches = items.filter(({ type }) => type === 'web_search_call').length
  return {
    ...emptyMessage(fields, turn),
    content: items.flatMap((item) => toBlocks(item, shown)),
    ...toStop(fields, { hasCalls: items.some(isCall), hasRefusal: items.some(isRefusal) }),
    usage: toUsage(fields, webSearches),
  }
}

/** The message as a stream begins it. */
export function emptyMessage(response: JsonObject, turn: Turn): Message {
  const id = stringAt(response, 'id')
  return {
    id: id === undefined ? shortId('msg_') : `msg_${id.replace(/^resp_/, '')}`,
    type: 'message',
    role: 'assistant',
    model: turn.model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    container: null,
    diagnostics: null,
    usage: NO_USAGE,
  }
}

/** `reasoning_output: none` hides what the request would show. */
export function thinkingShown(turn: Turn, capabilities: Capabilities): ThinkingShown {
  return capabilities.reasoning_output === 'none' ? 'none' : (turn.thinking ?? 'none')
}

export function isRefusal(item: JsonObject): boolean {
  return item.type === 'message' && messageText(item, 'refusal') !== ''
}
