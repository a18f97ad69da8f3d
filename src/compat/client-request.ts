import { arrayAt, isObject, type JsonObject, objectAt, stringAt } from '../lib/json.ts'
import { type Capture, METADATA_HEADER } from './capture.ts'

/** A request to the gateway. */
export interface GatewayRequest {
  readonly headers: Readonly<Record<string, string>>
  readonly body: JsonObject
}

/** Members that the CLI writes for its own provider only (upstream.md §1.2, §1.3). */
const PROVIDER_METADATA = new Set(['guardian_credits_requested', 'mcp_attribution'])
const SOCKET_METADATA = /^(?:x-codex-ws-stream-request-start-ms$|ws_request_header_)/
const ITEM_METADATA = 'internal_chat_message_metadata_passthrough'
/** Headers that it leaves out for other providers, and those of a sign-in, which the gateway has its own of. */
const OWN_PROVIDER = new Set([
  'version',
  'x-codex-routing-hint',
  'content-encoding',
  'cookie',
  'authorization',
  'chatgpt-account-id',
  'openai-beta',
  'sec-websocket-extensions',
])

/** The captured turn as the CLI sends it to a provider of the user's configuration, such as this gateway (upstream.md §9). */
export function toCliRequest(capture: Capture, body: JsonObject, known: readonly JsonObject[]): GatewayRequest {
  const { type, stream, generate, previous_response_id: previous, ...fields } = body
  const input = [...known, ...itemsOf(body)].map(({ [ITEM_METADATA]: _, ...item }) => item)
  const metadata = Object.entries(objectAt(body, 'client_metadata') ?? {})
  const turn = objectAt(body, 'client_metadata')?.[METADATA_HEADER]
  return {
    headers: {
      ...Object.fromEntries(capture.headers.filter(([name]) => !OWN_PROVIDER.has(name))),
      // The header of an upgrade is the warm-up's; that of a POST says the same as the body.
      ...(typeof turn === 'string' ? { [METADATA_HEADER]: turn } : {}),
    },
    body: {
      ...fields,
      stream: true,
      input,
      client_metadata: Object.fromEntries(
        metadata.filter(([name]) => !PROVIDER_METADATA.has(name) && !SOCKET_METADATA.test(name)),
      ),
    },
  }
}

/** A chat client that asks for the same settings: all that names the turn to the backend is then the gateway's own. */
export function toChatRequest(body: JsonObject): GatewayRequest {
  const text = objectAt(body, 'text') ?? {}
  const { type: formatType, ...schema } = objectAt(text, 'format') ?? {}
  const wishes = {
    reasoning_effort: objectAt(body, 'reasoning')?.effort,
    reasoning: objectAt(body, 'reasoning')?.summary === undefined ? undefined : objectAt(body, 'reasoning'),
    verbosity: text.verbosity,
    service_tier: body.service_tier,
    response_format: formatType === undefined ? undefined : { type: formatType, json_schema: schema },
    tools: [{ type: 'function', function: { name: 'run', parameters: { type: 'object', properties: {} } } }],
  }
  return {
    headers: { 'user-agent': 'curl/8', accept: '*/*' },
    body: {
      model: stringAt(body, 'model'),
      stream: true,
      messages: [{ role: 'user', content: 'hi' }],
      ...Object.fromEntries(Object.entries(wishes).filter(([, value]) => value !== undefined)),
    },
  }
}

export function itemsOf(body: JsonObject): JsonObject[] {
  return (arrayAt(body, 'input') ?? []).filter(isObject)
}
