import { isObject, type JsonObject } from '../../lib/json.ts'
import { readClientBody } from '../../turn/client-body.ts'
import { GatewayError, invalidField } from '../../turn/errors.ts'
import { isNoOp } from '../../turn/no-op-params.ts'
import { readString } from '../../turn/read-body.ts'
import { isStrictSchema } from '../../turn/strict-schema.ts'
import type { ClientRequest, ThinkingShown, Turn } from '../../turn/turn.ts'
import { isHandled, type OllamaKind } from './fields.ts'
import { type Conversation, readMessages, readPrompt } from './messages.ts'
import { readOptions } from './options.ts'
import { readTools } from './tools.ts'

/** A request of `/api/chat` or `/api/generate` → Turn. @throws GatewayError with the field's path */
export function parseOllamaRequest(body: JsonObject, request: ClientRequest, kind: OllamaKind): Turn {
  // Here an answer is a stream unless the client says otherwise.
  const { fields, ...common } = readClientBody({ ...body, stream: body.stream ?? true }, request)
  const conversation = readConversation(fields, kind)
  const tools = kind === 'chat' ? readTools(fields) : { tools: [], dropped: [] }
  const options = readOptions(fields)
  const think = readThink(fields)
  const format = readFormat(fields)
  return {
    ...common,
    endpoint: 'ollama',
    body: {
      input: conversation.input,
      ...(tools.tools.length > 0 ? { tools: tools.tools } : {}),
      ...(format === undefined ? {} : { text: { format: format.format } }),
      reasoning: {
        ...(think.effort === undefined ? {} : { effort: think.effort }),
        // A summary that nobody is shown need not be written.
        ...(think.shown === 'none' ? { summary: 'none' } : {}),
      },
    },
    stop: options.stop,
    maxOutputTokens: options.maxOutputTokens,
    includeUsage: true,
    thinking: think.shown,
    legacyFunctions: false,
    customTools: new Set(),
    extras: Object.fromEntries(
      Object.entries(fields).filter(([name, value]) => !isHandled(name, kind) && !isUnset(name, value)),
    ),
    dropped: [...conversation.dropped, ...tools.dropped, ...options.dropped],
    adjusted: format?.isLoose === true ? ['format.strict=false'] : [],
    store: false,
    previousResponseId: undefined,
    remoteImages: [],
  }
}

function readConversation(fields: JsonObject, kind: OllamaKind): Conversation {
  if (kind === 'chat') return readMessages(fields)
  const suffix = readString(fields, 'suffix') ?? ''
  if (suffix === '') return readPrompt(fields)
  throw new GatewayError('unsupported_parameter', 'suffix: this backend does not fill in the middle of a text.', {
    param: 'suffix',
  })
}

/** Clients of this API send empty values for what they do not want. */
function isUnset(name: string, value: unknown): boolean {
  return isNoOp(name, value) || value === '' || value === false || (Array.isArray(value) && value.length === 0)
}

/** Models that think do so unless told otherwise, and show it. */
function readThink({ think }: JsonObject): { shown: ThinkingShown; effort: string | undefined } {
  if (think === undefined || think === null || think === true) return { shown: 'summarized', effort: undefined }
  // The lowest level a model has is as near as this backend comes.
  if (think === false) return { shown: 'none', effort: 'none' }
  if (typeof think === 'string') return { shown: 'summarized', effort: think }
  throw invalidField('think', 'think must be true, false, or a level such as "high".')
}

interface Format {
  readonly format: JsonObject
  /** The schema is not one for the backend's strict mode, which is then not asked for. */
  readonly isLoose: boolean
}

function readFormat({ format }: JsonObject): Format | undefined {
  if (format === undefined || format === null || format === '') return undefined
  if (format === 'json') return { format: { type: 'json_object' }, isLoose: false }
  if (!isObject(format)) throw invalidField('format', 'format must be "json" or a JSON schema.')
  const strict = isStrictSchema(format)
  return { format: { type: 'json_schema', name: 'output', schema: format, strict }, isLoose: !strict }
}
