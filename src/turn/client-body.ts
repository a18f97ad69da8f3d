import { isObject, type JsonObject, withoutUndefined } from '../lib/json.ts'
import { type CapabilityLayer, parseCapability, parseCapabilityLayer } from './capabilities.ts'
import { detectFamily } from './client-family.ts'
import { GatewayError, invalidField } from './errors.ts'
import { readBoolean, readObject, readString } from './read-body.ts'
import type { Client, ClientRequest, EnvironmentWishes } from './turn.ts'

/** What every door reads alike: our own keys, out of the way of the protocol's. */
export interface ClientBody {
  /** The protocol's own fields: top level, then whatever of `extra_body` the top level does not have. Ours are gone. */
  readonly fields: JsonObject
  /** The client's top-level keys in their order, nested ones behind. */
  readonly fieldOrder: readonly string[]
  readonly model: string
  readonly stream: boolean
  readonly capabilities: CapabilityLayer
  readonly agent: string | undefined
  readonly systemPrompt: readonly string[]
  readonly environment: EnvironmentWishes
  readonly conversationKey: string | undefined
  readonly client: Client
}

const CAPABILITY_KEYS = ['capabilities', 'client_capabilities', 'codex_capabilities'] as const
const ENVIRONMENT_KEYS = ['project_dir', 'cwd', 'approval_policy', 'sandbox_mode', 'network_access', 'shell']
const OWN_KEYS = new Set([
  'extra_body',
  'agent',
  'session_id',
  'conversation_id',
  'prompt_cache_key',
  'codex_system_prompt',
  'codex_environment_context',
  ...CAPABILITY_KEYS,
  ...ENVIRONMENT_KEYS,
  'model',
  'stream',
])
const CONVERSATION_HEADERS = ['x-session-id', 'session-id', 'session_id', 'conversation_id', 'x-session-affinity']
/** Connector.md §12.2: passed on for the Codex CLI family only. */
const CODEX_HEADERS = [
  'x-codex-turn-metadata',
  'x-codex-window-id',
  'x-codex-turn-state',
  'x-codex-parent-thread-id',
  'x-codex-beta-features',
  'x-openai-subagent',
  'session-id',
  'thread-id',
  'x-client-request-id',
]

/**
 * Splits a client's body into the protocol's fields and our own keys (connector.md §5.2, §5.9, §11.1).
 * @throws GatewayError `invalid_capability`, or 400 with the field's path
 */
export function readClientBody(body: JsonObject, request: ClientRequest): ClientBody {
  const nested = readObject(body, 'extra_body') ?? {}
  const all: JsonObject = { ...nested, ...body }
  const client = readClient(request)

  const model = all.model
  if (typeof model !== 'string') throw invalidField('model', 'model must be a string naming a model, e.g. "gpt-5.5".')
  return {
    fields: Object.fromEntries(Object.entries(all).filter(([key]) => !OWN_KEYS.has(key))),
    fieldOrder: [...Object.keys(body), ...Object.keys(nested)],
    model,
    stream: readBoolean(all, 'stream') ?? false,
    capabilities: readCapabilities(body, nested, request),
    agent: readAgent(all, client),
    systemPrompt: readSystemPrompt(all),
    environment: readEnvironment(all),
    conversationKey: readConversationKey(all, request),
    client,
  }
}

function readClient({ headers, keyId }: ClientRequest): Client {
  const family = detectFamily(headers['user-agent'] ?? '', headers.originator ?? '')
  const names = family === 'codex-cli' ? CODEX_HEADERS.filter((name) => headers[name] !== undefined) : []
  return { family, keyId, codexHeaders: Object.fromEntries(names.map((name) => [name, headers[name] ?? ''])) }
}

/** Headers, then the aliases, then `codex_capabilities`; within one key the nested object wins. */
function readCapabilities(body: JsonObject, nested: JsonObject, { headers }: ClientRequest): CapabilityLayer {
  const layers = [readHeaderCapabilities(headers)]
  for (const key of CAPABILITY_KEYS) {
    for (const source of [body, nested]) {
      const value = source[key] ?? undefined
      if (value === undefined) continue
      const path = source === body ? key : `extra_body.${key}`
      if (!isObject(value)) {
        throw new GatewayError('invalid_capability', `${path} must be an object of capabilities.`, { param: path })
      }
      layers.push(parseCapabilityLayer(value, path))
    }
  }
  return Object.assign({}, ...layers)
}

function readHeaderCapabilities(headers: ClientRequest['headers']): CapabilityLayer {
  const layer: Record<string, unknown> = {}
  const output = headers['x-codexway-reasoning-output']
  if (output !== undefined) {
    layer.reasoning_output = parseCapability('reasoning_output', output, 'x-codexway-reasoning-output')
  }
  const strict = headers['x-codexway-strict-params']
  if (strict !== undefined) {
    const value = strict === 'true' ? true : strict === 'false' ? false : strict
    layer.strict_params = parseCapability('strict_params', value, 'x-codexway-strict-params')
  }
  return layer
}

function readAgent(all: JsonObject, client: Client): string | undefined {
  const agent = readString(all, 'agent') ?? client.family
  return agent?.toLowerCase().split('/', 1)[0]
}

function readSystemPrompt(all: JsonObject): string[] {
  const prompt = all.codex_system_prompt ?? undefined
  if (prompt === undefined) return []
  const list: unknown[] = Array.isArray(prompt) ? prompt : [prompt]
  return list.map((text) => {
    if (typeof text === 'string') return text
    throw invalidField('codex_system_prompt', 'codex_system_prompt must be a string or a list of strings.')
  })
}

function readEnvironment(all: JsonObject): EnvironmentWishes {
  const cwd = readString(all, 'project_dir') ?? readString(all, 'cwd')
  const networkAccess = all.network_access ?? undefined
  const values = {
    cwd,
    approvalPolicy: readString(all, 'approval_policy'),
    sandboxMode: readString(all, 'sandbox_mode'),
    networkAccess: typeof networkAccess === 'boolean' ? String(networkAccess) : readString(all, 'network_access'),
    shell: readString(all, 'shell'),
    block: readString(all, 'codex_environment_context'),
  }
  return withoutUndefined(values)
}

function readConversationKey(all: JsonObject, { headers }: ClientRequest): string | undefined {
  const cacheKey = readString(all, 'prompt_cache_key')
  if (cacheKey !== undefined && cacheKey !== '') return cacheKey
  for (const name of CONVERSATION_HEADERS) {
    const value = headers[name]
    if (value !== undefined && value !== '') return value
  }
  return readString(all, 'session_id') ?? readString(all, 'conversation_id') ?? headers['x-claude-code-session-id']
}
