import { arrayAt, isObject, type JsonObject, numberAt, objectAt, stringAt } from '../lib/json.ts'
import { isTerminal, type TurnEvent } from './events.ts'
import { kindOfDone, kindOfPart, textsOf } from './text-kinds.ts'

/** Deltas of the texts that count against a limit (connector.md §10). */
export const COUNTED = new Set([
  'response.output_text.delta',
  'response.refusal.delta',
  'response.function_call_arguments.delta',
  'response.custom_tool_call_input.delta',
])

export interface WholeText {
  /** Of the delta that would have brought it. */
  readonly type: string
  readonly place: JsonObject
  readonly text: string
  /** The item it is in, where the event holds that. */
  readonly item?: JsonObject
}

/** The counted texts that an event holds whole: the end of a text, a part, an item, or of the response. */
export function wholeTextsOf({ type, fields }: TurnEvent): WholeText[] {
  const texts = ofText(type, fields) ?? ofItem(type, fields) ?? ofResponse(type, fields)
  return texts.filter((whole) => COUNTED.has(whole.type) && whole.text !== '')
}

function ofText(type: string, fields: JsonObject): WholeText[] | undefined {
  const part = type === 'response.content_part.done' ? objectAt(fields, 'part') : undefined
  const kind = part === undefined ? kindOfDone(type) : kindOfPart(part)
  if (kind === undefined) return undefined
  const { item_id, output_index, content_index } = fields
  const place = { item_id, output_index, ...(content_index === undefined ? {} : { content_index }) }
  return [{ type: `response.${kind.name}.delta`, place, text: stringAt(part ?? fields, kind.member) ?? '' }]
}

function ofItem(type: string, fields: JsonObject): WholeText[] | undefined {
  const item = type === 'response.output_item.done' ? objectAt(fields, 'item') : undefined
  return item === undefined ? undefined : textsIn(item, numberAt(fields, 'output_index') ?? 0)
}

function ofResponse(type: string, fields: JsonObject): WholeText[] {
  const output = isTerminal(type) ? arrayAt(objectAt(fields, 'response') ?? {}, 'output') : undefined
  return (output ?? []).flatMap((item, index) => (isObject(item) ? textsIn(item, index) : []))
}

function textsIn(item: JsonObject, index: number): WholeText[] {
  return textsOf(item).map(({ kind: { name, part }, inner, text }) => ({
    type: `response.${name}.delta`,
    place: { item_id: item.id, output_index: index, ...(part === undefined ? {} : { [part.index]: inner }) },
    text,
    item,
  }))
}
