import { isObject, type JsonObject, objectAt, stringAt, withoutUndefined } from '../../lib/json.ts'
import { readClientBody } from '../../turn/client-body.ts'
import { GatewayError, invalidField } from '../../turn/errors.ts'
import { toCurrentWebSearch } from '../../turn/flat-tools.ts'
import { isNoOp } from '../../turn/no-op-params.ts'
import { asObject, readArray, readBoolean, readObject, readString } from '../../turn/read-body.ts'
import { readTokenLimit } from '../../turn/token-limits.ts'
import type { ClientRequest, InputItem, RemoteImage, Turn, TurnBody } from '../../turn/turn.ts'
import { isHandled } from './fields.ts'

const REFUSED = ['background', 'conversation', 'prompt'] as const

export interface InputRules {
  /** The conversation is known otherwise, or is still to come. */
  readonly mayBeEmpty?: boolean
}

/** A Responses request → Turn: read as little as possible, pass the rest (connector.md §8.1). */
export function parseResponsesRequest(body: JsonObject, request: ClientRequest, rules: InputRules = {}): Turn {
  const { fields, ...common } = readClientBody(body, request)
  for (const name of REFUSED) {
    if (isNoOp(name, fields[name])) continue
    throw new GatewayError(
      'unsupported_parameter',
      `This backend has no "${name}"; without it the answer would be another one.`,
      {
        param: name,
      },
    )
  }
  const remoteImages: RemoteImage[] = []
  return {
    ...common,
    endpoint: 'responses',
    body: { input: readInput(fields.input, remoteImages, rules), ...toBodyFields(fields) },
    stop: [],
    maxOutputTokens: readTokenLimit(fields),
    includeUsage: true,
    legacyFunctions: false,
    customTools: new Set(),
    extras: Object.fromEntries(
      Object.entries(fields).filter(([name, value]) => !isHandled(name) && !isNoOp(name, value)),
    ),
    dropped: [],
    adjusted: [],
    store: readBoolean(fields, 'store') ?? true,
    previousResponseId: readString(fields, 'previous_response_id'),
    remoteImages,
  }
}

function toBodyFields(fields: JsonObject): Omit<TurnBody, 'input'> {
  const tools = readArray(fields, 'tools')?.map((tool, index) => toCurrentWebSearch(asObject(tool, `tools[${index}]`)))
  const values = {
    instructions: readString(fields, 'instructions'),
    tools,
    tool_choice: fields.tool_choice ?? undefined,
    parallel_tool_calls: readBoolean(fields, 'parallel_tool_calls'),
    reasoning: readReasoning(fields),
    text: readObject(fields, 'text'),
    include: readArray(fields, 'include')?.filter((entry): entry is string => typeof entry === 'string'),
    service_tier: readString(fields, 'service_tier'),
    client_metadata: fields.client_metadata ?? undefined,
    access_programs: fields.access_programs ?? undefined,
  }
  return withoutUndefined(values)
}

function readReasoning(fields: JsonObject): JsonObject | undefined {
  const reasoning = readObject(fields, 'reasoning')
  readString(reasoning ?? {}, 'effort', 'reasoning.effort')
  readString(reasoning ?? {}, 'summary', 'reasoning.summary')
  return reasoning
}

function readInput(input: unknown, remoteImages: RemoteImage[], { mayBeEmpty = false }: InputRules): InputItem[] {
  if (mayBeEmpty && isNothing(input)) return []
  if (typeof input === 'string' && input !== '') {
    return [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: input }] }]
  }
  if (!Array.isArray(input) || input.length === 0) {
    throw invalidField('input', 'input must be a non-empty string or a non-empty list of items.')
  }
  return input.map((item, index) => readItem(asObject(item, `input[${index}]`), `input[${index}]`, remoteImages))
}

function isNothing(input: unknown): boolean {
  return (input ?? '') === '' || (Array.isArray(input) && input.length === 0)
}

/** Ids and statuses belong to answers; with `store: false` the backend takes an id for a reference (backend-facts.md §4). */
function readItem(item: JsonObject, path: string, remoteImages: RemoteImage[]): InputItem {
  if (item.type === 'item_reference') return item
  const { id: _id, status: _status, ...rest } = item
  if (rest.type === 'reasoning' && rest.content === null) delete rest.content
  for (const key of ['content', 'output']) {
    const parts = rest[key]
    if (!Array.isArray(parts)) continue
    rest[key] = parts.map((part, index) =>
      isObject(part) ? readPart(part, `${path}.${key}[${index}]`, remoteImages) : part,
    )
  }
  return rest
}

function readPart(part: JsonObject, path: string, remoteImages: RemoteImage[]): JsonObject {
  if (part.type !== 'input_image') return part
  const source = objectAt(part, 'image_url')
  const image = source === undefined ? { ...part } : { ...part, image_url: stringAt(source, 'url') }
  const url = stringAt(image, 'image_url')
  if (url !== undefined && !url.startsWith('data:')) remoteImages.push({ path: `${path}.image_url`, part: image })
  return image
}
