import { isObject, type JsonObject } from '../../lib/json.ts'
import { readClientBody } from '../../turn/client-body.ts'
import { GatewayError, invalidField } from '../../turn/errors.ts'
import { isNoOp } from '../../turn/no-op-params.ts'
import { readArray, readBoolean, readObject, readString } from '../../turn/read-body.ts'
import { readStop } from '../../turn/stop-sequences.ts'
import { checkStrictSchema } from '../../turn/strict-schema.ts'
import { readTokenLimit } from '../../turn/token-limits.ts'
import type { ClientRequest, Turn, TurnBody } from '../../turn/turn.ts'
import { isHandled } from './fields.ts'
import { readMessages } from './messages.ts'
import { readToolChoice, readTools } from './tools.ts'

/** A chat request → Turn (connector.md §7). @throws GatewayError with the field's path */
export function parseChatRequest(body: JsonObject, request: ClientRequest): Turn {
  const { fields, ...common } = readClientBody(body, request)
  refuseImpossible(fields)
  const messages = readMessages(readArray(fields, 'messages'))
  const tools = readTools(fields)
  return {
    ...common,
    endpoint: 'chat',
    body: {
      input: messages.input,
      ...toBodyFields(fields, tools.isLegacy),
      ...(tools.tools.length > 0 ? { tools: tools.tools } : {}),
    },
    stop: readStop(fields),
    maxOutputTokens: readTokenLimit(fields),
    includeUsage:
      readBoolean(readObject(fields, 'stream_options') ?? {}, 'include_usage', 'stream_options.include_usage') ?? false,
    legacyFunctions: tools.isLegacy,
    customTools: tools.customNames,
    extras: Object.fromEntries(
      Object.entries(fields).filter(([name, value]) => !isHandled(name) && !isNoOp(name, value)),
    ),
    dropped: [
      ...messages.dropped,
      ...keysBeside(fields, 'reasoning', ['effort', 'summary']),
      ...keysBeside(fields, 'stream_options', ['include_usage']),
    ],
    adjusted: [],
    store: false,
    previousResponseId: undefined,
    remoteImages: messages.remoteImages,
  }
}

function toBodyFields(fields: JsonObject, isLegacy: boolean): Omit<TurnBody, 'input' | 'tools'> {
  const choice = readToolChoice(fields)
  // The old form has room for one call an answer.
  const parallel = readBoolean(fields, 'parallel_tool_calls') ?? (isLegacy ? false : undefined)
  const tier = readString(fields, 'service_tier')
  const reasoning = readReasoning(fields)
  const text = readText(fields)
  return {
    ...(choice === undefined ? {} : { tool_choice: choice }),
    ...(parallel === undefined ? {} : { parallel_tool_calls: parallel }),
    ...(reasoning === undefined ? {} : { reasoning }),
    ...(text === undefined ? {} : { text }),
    ...(tier === undefined ? {} : { service_tier: tier }),
  }
}

function refuseImpossible(fields: JsonObject): void {
  if (!isNoOp('n', fields.n))
    throw unsupported('n', 'This backend gives one answer a request; send n requests instead.')
  const modalities = readArray(fields, 'modalities') ?? []
  if (modalities.includes('audio')) throw unsupported('modalities', 'This backend has no audio output.')
  if ((fields.audio ?? undefined) !== undefined) throw unsupported('audio', 'This backend has no audio output.')
}

function unsupported(param: string, message: string): GatewayError {
  return new GatewayError('unsupported_parameter', message, { param })
}

function readReasoning(fields: JsonObject): JsonObject | undefined {
  const nested = readObject(fields, 'reasoning') ?? {}
  const effort = readString(fields, 'reasoning_effort') ?? readString(nested, 'effort', 'reasoning.effort')
  const summary = readString(nested, 'summary', 'reasoning.summary')
  if (effort === undefined && summary === undefined) return undefined
  return { ...(effort === undefined ? {} : { effort }), ...(summary === undefined ? {} : { summary }) }
}

/** Dotted names of what a mapped object holds beside the keys with a meaning here. */
function keysBeside(fields: JsonObject, name: string, known: readonly string[]): string[] {
  const value = fields[name]
  if (!isObject(value)) return []
  return Object.entries(value).flatMap(([key, inner]) => {
    const path = `${name}.${key}`
    return known.includes(key) || isNoOp(path, inner) ? [] : [path]
  })
}

function readText(fields: JsonObject): JsonObject | undefined {
  const verbosity = readString(fields, 'verbosity')
  const format = readFormat(readObject(fields, 'response_format'))
  if (verbosity === undefined && format === undefined) return undefined
  return { ...(verbosity === undefined ? {} : { verbosity }), ...(format === undefined ? {} : { format }) }
}

function readFormat(format: JsonObject | undefined): JsonObject | undefined {
  if (format === undefined) return undefined
  switch (format.type) {
    case 'text':
      return undefined
    case 'json_object':
      return { type: 'json_object' }
    case 'json_schema': {
      const { name, description, schema, strict } =
        readObject(format, 'json_schema', 'response_format.json_schema') ?? {}
      if (typeof name !== 'string') throw invalidField('response_format.json_schema.name', 'The schema needs a name.')
      if (strict === true) checkStrictSchema(schema, 'response_format.json_schema.schema', 'invalid_json_schema')
      return {
        type: 'json_schema',
        ...(strict === undefined || strict === null ? {} : { strict }),
        schema: isObject(schema) ? schema : {},
        name,
        ...(description === undefined ? {} : { description }),
      }
    }
    default:
      throw invalidField('response_format.type', 'response_format.type must be one of: text, json_object, json_schema.')
  }
}
