import { arrayAt, isObject, type JsonObject, stringAt } from '../lib/json.ts'

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
