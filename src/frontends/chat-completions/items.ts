import { arrayAt, isObject, type JsonObject, objectAt, stringAt } from '../../lib/json.ts'
import { partsOf } from '../../turn/output-items.ts'
import type { Turn } from '../../turn/turn.ts'

/** A call as chat clients see it. */
export interface ChatCall {
  readonly id: string
  readonly name: string
  /** Argument JSON, or the raw input of a custom call. */
  readonly text: string
  readonly type: 'function' | 'custom'
}

/** A custom call stays one only for clients that declared the tool so; others get a function (connector.md §9.1). */
export function isCustomFor(turn: Turn, item: JsonObject): boolean {
  return item.type === 'custom_tool_call' && turn.customTools.has(stringAt(item, 'name') ?? '')
}

export function toChatCall(item: JsonObject, turn: Turn): ChatCall {
  const id = stringAt(item, 'call_id') ?? stringAt(item, 'id') ?? ''
  const name = stringAt(item, 'name') ?? ''
  if (item.type === 'function_call') return { id, name, text: stringAt(item, 'arguments') ?? '', type: 'function' }
  const input = stringAt(item, 'input') ?? ''
  return isCustomFor(turn, item)
    ? { id, name, text: input, type: 'custom' }
    : { id, name, text: JSON.stringify({ input }), type: 'function' }
}

export function annotationsOf(item: JsonObject): JsonObject[] {
  return partsOf(item).flatMap((part) => (arrayAt(part, 'annotations') ?? []).filter(isObject).map(toAnnotation))
}

export function toAnnotation(annotation: JsonObject): JsonObject {
  if (annotation.type !== 'url_citation' || objectAt(annotation, 'url_citation') !== undefined) return annotation
  const { type, ...citation } = annotation
  return { type, url_citation: citation }
}
