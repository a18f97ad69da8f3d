import { createHash } from 'node:crypto'
import { type JsonObject, stringAt } from '../../lib/json.ts'
import { invalidField } from '../../turn/errors.ts'
import type { InputItem } from '../../turn/turn.ts'

const DEFAULT_LIMIT = 20
const MAX_LIMIT = 100

/** What an item's id begins with, by its type. */
const PREFIXES: Readonly<Record<string, string>> = {
  message: 'msg_',
  reasoning: 'rs_',
  function_call: 'fc_',
  function_call_output: 'fco_',
  custom_tool_call: 'ctc_',
  custom_tool_call_output: 'ctco_',
}

export interface ItemPage {
  readonly object: 'list'
  readonly data: JsonObject[]
  readonly first_id: string | null
  readonly last_id: string | null
  readonly has_more: boolean
}

/**
 * A page of what a stored answer was made of, newest first unless `order=asc`.
 * @throws GatewayError for a bad `limit` or `order`
 */
export function toItemPage(responseId: string, input: readonly InputItem[], query: URLSearchParams): ItemPage {
  const order = query.get('order') ?? 'desc'
  if (order !== 'asc' && order !== 'desc') throw invalidField('order', 'order must be asc or desc.')
  const all = input.map((item, index) => toListed(item, responseId, index))
  if (order === 'desc') all.reverse()
  const rest = all.slice(all.findIndex(({ id }) => id === query.get('after')) + 1)
  const data = rest.slice(0, readLimit(query.get('limit')))
  return {
    object: 'list',
    data,
    first_id: stringAt(data[0] ?? {}, 'id') ?? null,
    last_id: stringAt(data.at(-1) ?? {}, 'id') ?? null,
    has_more: data.length < rest.length,
  }
}

/** Clients leave out ids and types, and write texts plainly; in the list all of it is there, the same each time. */
function toListed(item: InputItem, responseId: string, index: number): JsonObject {
  const type = stringAt(item, 'type') ?? 'message'
  const id = stringAt(item, 'id') ?? (PREFIXES[type] ?? 'item_') + toHash(`${responseId} ${index}`)
  const { content } = item
  if (type !== 'message' || typeof content !== 'string') return { ...item, id, type }
  const part =
    item.role === 'assistant'
      ? { type: 'output_text', text: content, annotations: [] }
      : { type: 'input_text', text: content }
  return { ...item, id, type, content: [part] }
}

function toHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 48)
}

function readLimit(text: string | null): number {
  const limit = text === null ? DEFAULT_LIMIT : Number(text)
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit
  throw invalidField('limit', `limit must be an integer from 1 to ${MAX_LIMIT}.`)
}
