import { arrayAt, isObject, type JsonObject, stringAt, wordOf } from '../../../lib/json.ts'
import type { InputItem } from '../../../turn/turn.ts'
import { holds, sameJson, sameValue } from './same-value.ts'

/**
 * How a client writes an answer down again: `items` one by one (Responses, Messages), `message` as one assistant message
 * with its calls behind it (chat, where texts are joined and their place among the calls is lost).
 */
export type AnswerForm = 'items' | 'message'

/** Members of an answer's items that clients leave out; the backend keeps its own. */
const LEFT_OUT = new Set(['id', 'status', 'phase'])
const ANSWER_TYPES = new Set(['function_call', 'custom_tool_call', 'reasoning'])

/**
 * Looks for the backend's answer in a conversation that a client has sent again. Clients drop ids, statuses, empty
 * members and reasoning, and write arguments down anew; nothing else may differ.
 * @returns where the answer ends in `input`; undefined if it is not surely there
 */
export function matchAnswer(
  output: readonly JsonObject[],
  input: readonly InputItem[],
  { start, form }: { start: number; form: AnswerForm },
): number | undefined {
  const spoken = output.filter((item) => !isReasoning(item))
  if (form === 'message') return matchMessage(output, spoken, input, start)
  let at = start
  for (const item of spoken) {
    at = skipReasoning(output, input, at)
    const resent = input[at]
    if (resent === undefined || !isSameItem(item, resent)) return undefined
    at += 1
  }
  return skipReasoning(output, input, at)
}

/** Reasoning the client kept is the backend's own, wherever it stands; any other would have to be sent. */
function skipReasoning(output: readonly JsonObject[], input: readonly InputItem[], from: number): number {
  let at = from
  for (let item = input[at]; item !== undefined && isOwnReasoning(output, item); item = input[at]) at += 1
  return at
}

function matchMessage(
  output: readonly JsonObject[],
  spoken: readonly JsonObject[],
  input: readonly InputItem[],
  start: number,
): number | undefined {
  let end = start
  while (isAnswerItem(input[end])) end += 1
  const resent = input.slice(start, end)
  if (!resent.every((item) => !isReasoning(item) || isOwnReasoning(output, item))) return undefined

  const messages = resent.filter(isMessage)
  const calls = resent.filter(isCall)
  const heldMessages = spoken.filter(isMessage)
  const heldCalls = spoken.filter(isCall)
  // A hosted tool's items cannot be written down in this form: the whole conversation then looks different.
  if (heldMessages.length + heldCalls.length < spoken.length || messages.length > 1) return undefined
  const sameText = joinedText(messages) === joinedText(heldMessages)
  const sameCalls =
    calls.length === heldCalls.length && calls.every((call, index) => isSameItem(heldCalls[index], call))
  return sameText && sameCalls ? end : undefined
}

function isSameItem(held: JsonObject | undefined, resent: InputItem): boolean {
  if (held === undefined) return false
  if (isMessage(held)) {
    return isMessage(resent) && sameParts(held, resent) && resent.role === held.role && samePhase(held, resent)
  }
  if (held.type !== resent.type) return false
  if (held.type !== 'function_call') return sameValue(held, resent, LEFT_OUT)
  const [written, again] = [stringAt(held, 'arguments'), stringAt(resent, 'arguments')]
  if (written === undefined || again === undefined || !sameJson(written, again)) return false
  return sameValue({ ...held, arguments: '' }, { ...resent, arguments: '' }, LEFT_OUT)
}

function samePhase(held: JsonObject, resent: InputItem): boolean {
  return resent.phase === undefined || resent.phase === held.phase
}

/** Part by part; what clients leave out of a text part is what the backend noted about it. */
function sameParts(held: JsonObject, resent: InputItem): boolean {
  const [left, right] = [partsOf(held), partsOf(resent)]
  return left.length === right.length && left.every((part, index) => isSamePart(part, right[index]))
}

function isSamePart(held: JsonObject, resent: JsonObject | undefined): boolean {
  if (resent === undefined) return false
  const { annotations, logprobs, ...kept } = resent
  return (
    held.type === kept.type &&
    held.text === kept.text &&
    held.refusal === kept.refusal &&
    holds(held, kept) &&
    isEmptyOr(annotations, held.annotations) &&
    isEmptyOr(logprobs, held.logprobs)
  )
}

function isEmptyOr(resent: unknown, held: unknown): boolean {
  return (
    resent === undefined || resent === null || (Array.isArray(resent) && resent.length === 0) || sameValue(resent, held)
  )
}

function joinedText(messages: readonly JsonObject[]): string {
  const parts = messages.flatMap(partsOf)
  const text = parts.map((part) => stringAt(part, 'text') ?? '').join('')
  const refusal = parts.map((part) => stringAt(part, 'refusal') ?? '').join('')
  return JSON.stringify([text, refusal])
}

/** The parts of a message, also of one whose content is a plain text. */
export function partsOf({ content, role }: JsonObject): JsonObject[] {
  if (typeof content === 'string') return [{ type: role === 'assistant' ? 'output_text' : 'input_text', text: content }]
  return Array.isArray(content) ? content.filter(isObject) : []
}

function isAnswerItem(item: InputItem | undefined): boolean {
  return item !== undefined && ((isMessage(item) && item.role === 'assistant') || ANSWER_TYPES.has(wordOf(item.type)))
}

function isMessage({ type, role }: JsonObject): boolean {
  return type === 'message' || (type === undefined && role !== undefined)
}

function isCall({ type }: JsonObject): boolean {
  return type === 'function_call' || type === 'custom_tool_call'
}

function isReasoning({ type }: JsonObject): boolean {
  return type === 'reasoning'
}

function isOwnReasoning(output: readonly JsonObject[], item: InputItem): boolean {
  return isReasoning(item) && output.some((held) => isReasoning(held) && isSameReasoning(held, item))
}

function isSameReasoning(held: JsonObject, resent: InputItem): boolean {
  const sealed = stringAt(resent, 'encrypted_content')
  // The seal holds all of it; the summary beside it is for the eye.
  if (sealed !== undefined) return sealed === held.encrypted_content
  return sameValue(arrayAt(resent, 'summary') ?? [], arrayAt(held, 'summary') ?? [])
}
