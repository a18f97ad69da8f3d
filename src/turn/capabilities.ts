import type { JsonObject } from '../lib/json.ts'
import type { Endpoint } from './endpoint.ts'
import { GatewayError } from './errors.ts'

/** Everything a profile may say, with its allowed values (connector.md §5.1). `boolean` keys hold true or false. */
export const CAPABILITY_VALUES = {
  protocol: ['openai-chat', 'openai-responses'],
  codex_passthrough: 'boolean',
  prompt_mode: ['codex_default', 'merge_custom', 'custom_only'],
  tool_schema_mode: ['custom_only', 'merge_custom', 'codex_default'],
  tool_text_format: ['none', 'codex_xml', 'xml', 'markdown', 'summary'],
  fallback_tool_text_format: ['none', 'codex_xml', 'xml', 'markdown', 'summary'],
  bypass_tool_call_reactor: 'boolean',
  include_environment_context: 'boolean',
  reasoning_output: ['reasoning_content', 'think_tags', 'none'],
  strict_params: 'boolean',
} as const

type Values = typeof CAPABILITY_VALUES
export type CapabilityKey = keyof Values
type ValueOf<V> = V extends readonly string[] ? V[number] : boolean

/** Keys are spelled as in configuration and on the wire. */
export type Capabilities = { readonly [K in CapabilityKey]: ValueOf<Values[K]> }

/** One layer: what it sets. `null` in the source means "not set" and is left out here. */
export type CapabilityLayer = Partial<Capabilities>

/** Enthusiast mode (connector.md §5.1). `codex_passthrough` depends on the endpoint unless a layer sets it. */
export const DEFAULT_CAPABILITIES: Omit<Capabilities, 'codex_passthrough'> = {
  protocol: 'openai-chat',
  prompt_mode: 'codex_default',
  tool_schema_mode: 'custom_only',
  tool_text_format: 'none',
  fallback_tool_text_format: 'summary',
  bypass_tool_call_reactor: true,
  include_environment_context: false,
  reasoning_output: 'reasoning_content',
  strict_params: false,
}

/** Later layers win. */
export function mergeCapabilities(endpoint: Endpoint, layers: readonly CapabilityLayer[]): Capabilities {
  return Object.assign({ ...DEFAULT_CAPABILITIES, codex_passthrough: endpoint === 'responses' }, ...layers)
}

/**
 * Reads one untrusted layer.
 * @param path where the client wrote it, e.g. `extra_body.codex_capabilities`
 * @throws GatewayError `invalid_capability` with the key's path and the allowed values
 */
export function parseCapabilityLayer(source: JsonObject, path: string): CapabilityLayer {
  const layer: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(source)) {
    if (value !== null) layer[key] = parseCapability(key, value, `${path}.${key}`)
  }
  return layer
}

/** @throws GatewayError `invalid_capability` with `param` and the allowed values */
export function parseCapability(key: string, value: unknown, param: string): string | boolean {
  const allowed = isCapabilityKey(key) ? CAPABILITY_VALUES[key] : undefined
  if (allowed === undefined) {
    const known = Object.keys(CAPABILITY_VALUES).join(', ')
    throw new GatewayError('invalid_capability', `Unknown capability "${key}" at ${param}. Known ones: ${known}.`, {
      param,
    })
  }
  if (allowed === 'boolean') {
    if (typeof value === 'boolean') return value
    throw new GatewayError('invalid_capability', `${param} must be true or false (a boolean).`, { param })
  }
  const known: readonly string[] = allowed
  if (typeof value === 'string' && known.includes(value)) return value
  throw new GatewayError('invalid_capability', `${param} must be one of: ${known.join(', ')}.`, { param })
}

function isCapabilityKey(key: string): key is CapabilityKey {
  return Object.hasOwn(CAPABILITY_VALUES, key)
}
