import { type JsonObject, objectAt } from '../../lib/json.ts'
import { readClientBody } from '../../turn/client-body.ts'
import { GatewayError } from '../../turn/errors.ts'
import { isNoOp } from '../../turn/no-op-params.ts'
import { readString } from '../../turn/read-body.ts'
import type { ClientRequest, Turn } from '../../turn/turn.ts'
import { readConfig } from './config.ts'
import { readContents } from './contents.ts'
import { isHandled } from './fields.ts'
import { camelFields } from './spelling.ts'
import { readTools } from './tools.ts'

/** What this API says in the path. */
export interface Addressed {
  readonly model: string
  readonly stream: boolean
}

/** A request of `generateContent` or `streamGenerateContent` → Turn. @throws GatewayError with the field's path */
export function parseGeminiRequest(body: JsonObject, request: ClientRequest, { model, stream }: Addressed): Turn {
  const { fields, ...common } = readClientBody({ ...camelFields(body), model, stream }, request)
  refuseImpossible(fields)
  const conversation = readContents(fields)
  const tools = readTools(fields)
  const config = readConfig(fields)
  const tier = readTier(fields)
  return {
    ...common,
    endpoint: 'gemini',
    body: {
      input: conversation.input,
      ...(tools.tools.length > 0 ? { tools: tools.tools } : {}),
      ...(tools.hasWebSearch ? { include: ['web_search_call.action.sources'] } : {}),
      ...(tools.choice === undefined ? {} : { tool_choice: tools.choice }),
      ...(config.format === undefined ? {} : { text: { format: config.format } }),
      ...(tier === undefined ? {} : { service_tier: tier }),
      reasoning: {
        ...(config.effort === undefined ? {} : { effort: config.effort }),
        // A summary that nobody is shown need not be written.
        ...(config.shown === 'summarized' ? {} : { summary: 'none' }),
      },
    },
    stop: config.stop,
    maxOutputTokens: config.maxOutputTokens,
    includeUsage: true,
    thinking: config.shown,
    legacyFunctions: false,
    customTools: new Set(),
    extras: Object.fromEntries(
      Object.entries(fields).filter(([name, value]) => !isHandled(name) && !isNoOp(name, value)),
    ),
    dropped: [...conversation.dropped, ...tools.dropped, ...config.dropped],
    adjusted: [...tools.adjusted, ...config.adjusted],
    store: false,
    previousResponseId: undefined,
    remoteImages: [],
  }
}

/** A `countTokens` request is a list of contents, or a whole request in a frame. */
export function toCountedRequest(body: JsonObject): JsonObject {
  return objectAt(body, 'generateContentRequest') ?? objectAt(body, 'generate_content_request') ?? body
}

function refuseImpossible(fields: JsonObject): void {
  for (const name of ['cachedContent', 'continuationToken']) {
    if ((fields[name] ?? '') === '') continue
    throw new GatewayError('unsupported_parameter', `${name}: nothing is kept here between requests; send all of it.`, {
      param: name,
    })
  }
}

/** `standard` asks for what happens anyway. */
function readTier(fields: JsonObject): string | undefined {
  const tier = readString(fields, 'serviceTier')?.toLowerCase().replace('service_tier_', '')
  return tier === 'standard' || tier === 'unspecified' ? undefined : tier
}
