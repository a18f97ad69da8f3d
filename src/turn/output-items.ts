import { arrayAt, isObject, type JsonObject, parseJsonObject, stringAt } from '../lib/json.ts'

export function isCall(item: JsonObject): boolean {
  return item.type === 'function_call' || item.type === 'custom_tool_call'
}

/** The text, or the refusal, of all parts of a message item. */
export function messageText(item: JsonObject, type: 'output_text' | 'refusal'): string {
  return partsOf(item)
    .filter((part) => part.type === type)
    .map((part) => stringAt(part, type === 'refusal' ? 'refusal' : 'text') ?? '')
    .join('')
}

/** Summary parts, and raw reasoning where the model shows it, a blank line between (connector.md §9.1). */
export function reasoningText(item: JsonObject): string {
  const parts = [...(arrayAt(item, 'summary') ?? []), ...(arrayAt(item, 'content') ?? [])]
  return parts
    .map((part) => (isObject(part) ? (stringAt(part, 'text') ?? '') : ''))
    .filter((text) => text !== '')
    .join('\n\n')
}

export function partsOf(item: JsonObject): JsonObject[] {
  return (arrayAt(item, 'content') ?? []).filter(isObject)
}

/** Texts and refusals in their order, for protocols that tell a refusal by how the answer ended. */
export function answerText(item: JsonObject): string {
  return partsOf(item)
    .map((part) => stringAt(part, 'text') ?? stringAt(part, 'refusal') ?? '')
    .join('')
}

/** The argument JSON of a call. Where there are no custom tools their raw input becomes one member. */
export function inputText(item: JsonObject): string {
  if (item.type === 'custom_tool_call') return JSON.stringify({ input: stringAt(item, 'input') ?? '' })
  return stringAt(item, 'arguments') ?? ''
}

/** An input must be an object; a text that is none (cut short by the token limit) is handed on under one key. */
export function toInputObject(text: string): JsonObject {
  if (text === '') return {}
  return parseJsonObject(text) ?? { INVALID_JSON: text }
}

export function annotationsOf(item: JsonObject): unknown[] {
  return partsOf(item).flatMap((part) => arrayAt(part, 'annotations') ?? [])
}
