import { arrayAt, isObject, type JsonObject, stringAt } from '../lib/json.ts'

/** A text within an output item, and what its events are called. */
export interface TextKind {
  /** As in `response.<name>.delta` and `.done`. */
  readonly name: string
  /** Member that holds the text, in the `.done` event and in the part or item. */
  readonly member: string
  /** The item it belongs to. */
  readonly itemType: string
  /** Where it is a part of its item; absent: a member of the item itself. */
  readonly part?: {
    readonly type: string
    /** As in `response.<events>.added` and `.done`. */
    readonly events: 'content_part' | 'reasoning_summary_part'
    readonly list: 'content' | 'summary'
    readonly index: 'content_index' | 'summary_index'
  }
}

const content = (type: string) => ({ type, events: 'content_part', list: 'content', index: 'content_index' }) as const

const OUTPUT_TEXT: TextKind = {
  name: 'output_text',
  member: 'text',
  itemType: 'message',
  part: content('output_text'),
}
const REFUSAL: TextKind = { name: 'refusal', member: 'refusal', itemType: 'message', part: content('refusal') }
const REASONING_TEXT: TextKind = {
  name: 'reasoning_text',
  member: 'text',
  itemType: 'reasoning',
  part: content('reasoning_text'),
}
const SUMMARY: TextKind = {
  name: 'reasoning_summary_text',
  member: 'text',
  itemType: 'reasoning',
  part: { type: 'summary_text', events: 'reasoning_summary_part', list: 'summary', index: 'summary_index' },
}
const ARGUMENTS: TextKind = { name: 'function_call_arguments', member: 'arguments', itemType: 'function_call' }
const INPUT: TextKind = { name: 'custom_tool_call_input', member: 'input', itemType: 'custom_tool_call' }
const KINDS = [OUTPUT_TEXT, REFUSAL, REASONING_TEXT, SUMMARY, ARGUMENTS, INPUT]

const BY_DELTA = new Map(KINDS.map((kind) => [`response.${kind.name}.delta`, kind]))
const BY_DONE = new Map(KINDS.map((kind) => [`response.${kind.name}.done`, kind]))
const BY_PART = new Map(KINDS.flatMap((kind) => (kind.part === undefined ? [] : [[kind.part.type, kind] as const])))

export function kindOfDelta(eventType: string): TextKind | undefined {
  return BY_DELTA.get(eventType)
}

/** Of `response.<kind>.done`. */
export function kindOfDone(eventType: string): TextKind | undefined {
  return BY_DONE.get(eventType)
}

/** Of a content or summary part. */
export function kindOfPart(part: JsonObject): TextKind | undefined {
  return BY_PART.get(String(part.type))
}

/** What annotations belong to. */
export const ANNOTATED = OUTPUT_TEXT

export interface ItemText {
  readonly kind: TextKind
  /** Place in its list; 0 for a text that is no part. */
  readonly inner: number
  readonly text: string
  readonly part: JsonObject
}

/** Every text of a finished item. */
export function textsOf(item: JsonObject): ItemText[] {
  const own = [ARGUMENTS, INPUT]
    .filter(({ itemType }) => itemType === item.type)
    .map((kind) => ({ kind, inner: 0, text: stringAt(item, kind.member) ?? '', part: {} }))
  const parts = ['summary', 'content'].flatMap((list) =>
    (arrayAt(item, list) ?? []).map((part, inner) => ({ part, inner })),
  )
  const inParts = parts.flatMap(({ part, inner }) => {
    const kind = isObject(part) ? kindOfPart(part) : undefined
    if (kind === undefined || !isObject(part) || kind.itemType !== item.type) return []
    return [{ kind, inner, text: stringAt(part, kind.member) ?? '', part }]
  })
  return [...own, ...inParts]
}

/** A part as it begins. */
export function emptyPart({ member, part: place }: TextKind, part: JsonObject = {}): JsonObject {
  const lists = place?.type === 'output_text' ? { annotations: [] } : {}
  return { type: place?.type, ...part, ...lists, [member]: '' }
}

/** An item as it begins. */
export function emptyItem(item: JsonObject): JsonObject {
  const emptied: JsonObject = { ...item }
  if (item.status !== undefined) emptied.status = 'in_progress'
  for (const key of ['arguments', 'input']) if (typeof item[key] === 'string') emptied[key] = ''
  for (const key of ['content', 'summary']) if (Array.isArray(item[key])) emptied[key] = []
  return emptied
}
