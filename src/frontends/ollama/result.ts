import type { Response } from 'openai/resources/responses/responses'
import { arrayAt, isObject, type JsonObject } from '../../lib/json.ts'
import type { Capabilities } from '../../turn/capabilities.ts'
import type { RequestClock } from '../../turn/frontend.ts'
import { answerText, isCall, reasoningText } from '../../turn/output-items.ts'
import type { Turn } from '../../turn/turn.ts'
import { endMembers, saidMembers, toToolCall } from './chunk.ts'
import type { OllamaKind } from './fields.ts'

/** A finished response → this API's whole answer. */
export function toOllamaAnswer(
  response: Response,
  {
    kind,
    turn,
    capabilities,
    clock,
  }: { kind: OllamaKind; turn: Turn; capabilities: Capabilities; clock: RequestClock },
): JsonObject {
  // What the backend really sent may lack what the type promises.
  const fields = response as unknown as JsonObject
  const items = (arrayAt(fields, 'output') ?? []).filter(isObject)
  const textOf = (type: string, toText: (item: JsonObject) => string) =>
    items.filter((item) => item.type === type).map(toText)
  const calls = items.filter(isCall).map(toToolCall)
  const thinking = showsThinking(turn, capabilities)
    ? textOf('reasoning', reasoningText).filter((text) => text !== '')
    : []
  const endedAtMs = clock.now()
  return {
    model: turn.model,
    created_at: new Date(endedAtMs).toISOString(),
    ...saidMembers(kind, {
      content: textOf('message', answerText).join(''),
      ...(thinking.length > 0 ? { thinking: thinking.join('\n\n') } : {}),
      ...(calls.length > 0 ? { tool_calls: calls } : {}),
    }),
    ...endMembers(fields, { startedAtMs: clock.startedAtMs, endedAtMs }),
  }
}

/** `reasoning_output: none` hides what the request would show. */
export function showsThinking(turn: Turn, capabilities: Capabilities): boolean {
  return capabilities.reasoning_output !== 'none' && turn.thinking === 'summarized'
}

/** What this API answers when it is asked for nothing, which is how its clients load a model, or have it unloaded. */
export function toLoadAnswer(
  kind: OllamaKind,
  { model, keep_alive: keepAlive }: JsonObject,
  nowMs: number,
): JsonObject {
  const reason = keepAlive === 0 || keepAlive === '0' ? 'unload' : 'load'
  const createdAt = new Date(nowMs).toISOString()
  return { model, created_at: createdAt, ...saidMembers(kind, { content: '' }), done: true, done_reason: reason }
}

/** True for a request that asks for nothing. */
export function isLoadRequest(kind: OllamaKind, body: JsonObject): boolean {
  const isEmpty = (value: unknown) => value === undefined || value === null || value === ''
  const isEmptyList = (value: unknown) => isEmpty(value) || (Array.isArray(value) && value.length === 0)
  if (typeof body.model !== 'string') return false
  return kind === 'chat' ? isEmptyList(body.messages) : isEmpty(body.prompt) && isEmptyList(body.images)
}
