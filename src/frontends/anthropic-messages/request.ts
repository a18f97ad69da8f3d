import { isObject, type JsonObject, parseJsonObject, stringAt } from '../../lib/json.ts'
import { readClientBody } from '../../turn/client-body.ts'
import { type ErrorOptions, GatewayError, invalidField } from '../../turn/errors.ts'
import { isNoOp } from '../../turn/no-op-params.ts'
import { readArray, readObject, readString } from '../../turn/read-body.ts'
import { isStrictSchema } from '../../turn/strict-schema.ts'
import { readTokenLimit } from '../../turn/token-limits.ts'
import type { ClientRequest, Turn } from '../../turn/turn.ts'
import { isHandled } from './fields.ts'
import { readMessages } from './messages.ts'
import { readThinking } from './thinking.ts'
import { readToolChoice, readTools } from './tools.ts'

/** A Messages request → Turn. @throws GatewayError with the field's path */
export function parseMessagesRequest(body: JsonObject, request: ClientRequest): Turn {
  const { fields, conversationKey, ...common } = readClientBody(body, request)
  refuseImpossible(fields)
  const conversation = readMessages(fields)
  const tools = readTools(fields, conversation)
  const { choice, parallel } = readToolChoice(fields)
  const output = readOutputConfig(fields)
  const thinking = readThinking(fields, conversation.effort ?? output.effort)
  const tier = readTier(fields)
  return {
    ...common,
    endpoint: 'messages',
    body: {
      input: conversation.input,
      ...(tools.tools.length > 0 ? { tools: tools.tools } : {}),
      ...(tools.hasWebSearch ? { include: ['web_search_call.action.sources'] } : {}),
      ...(choice === undefined ? {} : { tool_choice: choice }),
      ...(parallel === undefined ? {} : { parallel_tool_calls: parallel }),
      ...(output.format === undefined ? {} : { text: { format: output.format } }),
      ...(tier === undefined ? {} : { service_tier: tier }),
      reasoning: {
        ...(thinking.effort === undefined ? {} : { effort: thinking.effort }),
        // A summary that nobody is shown need not be written.
        ...(thinking.shown === 'summarized' ? {} : { summary: 'none' }),
      },
    },
    stop: readStop(fields),
    maxOutputTokens: readTokenLimit({ max_tokens: fields.max_tokens }),
    includeUsage: true,
    thinking: thinking.shown,
    legacyFunctions: false,
    customTools: new Set(),
    extras: Object.fromEntries(
      Object.entries(fields).filter(([name, value]) => !isHandled(name) && !isNoOp(name, value)),
    ),
    dropped: [...conversation.dropped, ...tools.dropped, ...output.dropped],
    adjusted: [...tools.adjusted, ...thinking.adjusted, ...output.adjusted],
    conversationKey: conversationKey ?? readSessionId(fields),
    store: false,
    previousResponseId: undefined,
    remoteImages: conversation.remoteImages,
  }
}

function refuseImpossible(fields: JsonObject): void {
  const servers = readArray(fields, 'mcp_servers') ?? []
  if (servers.length > 0)
    throw unsupported('mcp_servers', 'This backend connects to no MCP servers; do so in the client.')
  if ((fields.container ?? undefined) !== undefined) throw unsupported('container', 'This backend has no containers.')
  if ((fields.thread ?? undefined) !== undefined) {
    // The code at which the official client's tool runner goes on by itself, with all messages.
    const signal = { code: 'thread_unsupported_request', details: { unsupported: ['thread'] } }
    throw unsupported('thread', 'No conversations are kept here; send all messages.', signal)
  }
}

function unsupported(param: string, message: string, options: ErrorOptions = {}): GatewayError {
  return new GatewayError('unsupported_parameter', message, { param, ...options })
}

interface OutputConfig {
  readonly effort: string | undefined
  readonly format: JsonObject | undefined
  readonly dropped: readonly string[]
  readonly adjusted: readonly string[]
}

function readOutputConfig(fields: JsonObject): OutputConfig {
  const config = readObject(fields, 'output_config') ?? {}
  const unknown = Object.entries(config).filter(
    ([key, value]) => key !== 'effort' && key !== 'format' && value !== null,
  )
  const path = (config.format ?? undefined) === undefined ? 'output_format' : 'output_config.format'
  const format = readObject(config, 'format', path) ?? readObject(fields, 'output_format')
  return {
    effort: readString(config, 'effort', 'output_config.effort'),
    dropped: unknown.map(([key]) => `output_config.${key}`),
    ...toFormat(format, path),
  }
}

/** This API's schemas may leave properties optional, which the backend's strict mode refuses: then it is not asked for. */
function toFormat(format: JsonObject | undefined, path: string): Pick<OutputConfig, 'format' | 'adjusted'> {
  if (format === undefined) return { format: undefined, adjusted: [] }
  if (format.type !== 'json_schema') throw invalidField(`${path}.type`, `${path}.type must be json_schema.`)
  const { schema } = format
  if (!isObject(schema)) throw invalidField(`${path}.schema`, `${path}.schema must be a JSON schema.`)
  const strict = isStrictSchema(schema)
  return {
    format: { type: 'json_schema', name: 'output', schema, strict },
    adjusted: strict ? [] : [`${path}.strict=false`],
  }
}

/** `fast` is this API's word for what the backend calls priority; `standard_only` asks for what happens anyway. */
function readTier(fields: JsonObject): string | undefined {
  const speed = readString(fields, 'speed')
  if (speed !== undefined && speed !== 'standard' && speed !== 'fast') {
    throw invalidField('speed', 'speed must be standard or fast.')
  }
  const tier = readString(fields, 'service_tier')
  return speed === 'fast' ? 'priority' : tier === 'standard_only' ? undefined : tier
}

/** Each is looked for in every piece of text. */
const MAX_STOP_SEQUENCES = 100

/** Connector.md §10; of their number this API says nothing. */
function readStop(fields: JsonObject): string[] {
  const sequences = readArray(fields, 'stop_sequences') ?? []
  if (sequences.length > MAX_STOP_SEQUENCES) {
    throw invalidField('stop_sequences', `stop_sequences may hold at most ${MAX_STOP_SEQUENCES} texts.`)
  }
  return sequences.map((value, index) => {
    if (typeof value === 'string' && value !== '') return value
    throw invalidField(`stop_sequences[${index}]`, `stop_sequences[${index}] must be a string that is not empty.`)
  })
}

/**
 * The session that Claude Code writes into `metadata.user_id`, as JSON or at its end. A plain user id names a person, not
 * a conversation.
 */
function readSessionId(fields: JsonObject): string | undefined {
  const userId = stringAt(readObject(fields, 'metadata') ?? {}, 'user_id') ?? ''
  const session = stringAt(parseJsonObject(userId) ?? {}, 'session_id') ?? /_session_([\w-]+)$/.exec(userId)?.[1]
  return session === '' ? undefined : session
}
