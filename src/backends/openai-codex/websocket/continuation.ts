import type { JsonObject } from '../../../lib/json.ts'
import type { InputItem } from '../../../turn/turn.ts'
import { type AnswerForm, matchAnswer, partsOf } from './match-answer.ts'
import { sameValue } from './same-value.ts'

/** What the backend holds for one connection: the last request it finished there, and its answer. */
export interface HeldContext {
  readonly responseId: string
  /** The request's fields, `input` being the whole conversation in the client's form. */
  readonly fields: JsonObject
  /** What came back, as the backend sent it. */
  readonly output: readonly JsonObject[]
  /** About how much of the conversation there is, as JSON. */
  readonly contextBytes: number
}

export type Match =
  /** The conversation goes on: everything up to `from` is held already. */
  | { readonly kind: 'extends'; readonly from: number }
  /** The same conversation, but changed: the held context is of no use to it. */
  | { readonly kind: 'changed' }
  /** Another conversation altogether, under the same name. */
  | { readonly kind: 'stranger' }

/** Differ from request to request without changing what the backend answers. */
const OWN_TO_REQUEST = new Set(['input', 'stream', 'client_metadata'])
const OWN_TO_ITEM = new Set(['id', 'status'])

/**
 * Whether a request goes on from what the backend holds (upstream.md §2): every other field is unchanged, and its input
 * is what was sent, then what came back, then something new. Any doubt means that it does not.
 */
export function matchContext(held: HeldContext, fields: JsonObject, form: AnswerForm): Match {
  const before = inputOf(held.fields)
  const now = inputOf(fields)
  if (!sameValue(held.fields, fields, OWN_TO_REQUEST)) return { kind: 'stranger' }
  const same = commonItems(before, now)
  if (same < before.length) return { kind: beginsAlike(now, same) ? 'changed' : 'stranger' }
  const end = matchAnswer(held.output, now, { start: same, form })
  return end === undefined || end === now.length ? { kind: 'changed' } : { kind: 'extends', from: end }
}

/** The request's conversation; it is always a list in what we build. */
export function inputOf(fields: JsonObject): readonly InputItem[] {
  return fields.input as readonly InputItem[]
}

function commonItems(before: readonly InputItem[], now: readonly InputItem[]): number {
  const length = Math.min(before.length, now.length)
  for (let index = 0; index < length; index += 1) {
    if (!sameValue(asMessage(before[index]), asMessage(now[index]), OWN_TO_ITEM)) return index
  }
  return length
}

/** A message may be written without its type, and its one text without a part. */
function asMessage(item: InputItem | undefined): InputItem | undefined {
  if (item === undefined || item.role === undefined || (item.type !== undefined && Array.isArray(item.content)))
    return item
  return { ...item, type: item.type ?? 'message', content: partsOf(item) }
}

/** True if the first user message is among the common items. */
function beginsAlike(items: readonly InputItem[], common: number): boolean {
  return items.slice(0, common).some((item) => item.role === 'user')
}
