import type { MessageDeltaUsage, Usage } from '@anthropic-ai/sdk/resources/messages'
import { isObject, type JsonObject, numberAt, objectAt } from '../../lib/json.ts'

/** What stands where the backend has told nothing: this API's usage has required numbers. */
export const NO_USAGE: Usage = {
  input_tokens: 0,
  cache_creation_input_tokens: null,
  cache_read_input_tokens: null,
  cache_creation: null,
  output_tokens: 0,
  output_tokens_details: null,
  server_tool_use: null,
  service_tier: null,
  inference_geo: null,
  speed: null,
}

/**
 * The backend's usage in this API's terms: its input tokens include those read from and written to the cache, here they
 * are three numbers that add up to it.
 */
export function toUsage(response: JsonObject, webSearches: number): Usage {
  const { usage } = response
  const searches = webSearches > 0 ? { web_search_requests: webSearches, web_fetch_requests: 0 } : null
  const tier = toTier(response.service_tier)
  if (!isObject(usage)) return { ...NO_USAGE, server_tool_use: searches, service_tier: tier }
  const input = objectAt(usage, 'input_tokens_details') ?? {}
  const thinking = numberAt(objectAt(usage, 'output_tokens_details') ?? {}, 'reasoning_tokens')
  const read = numberAt(input, 'cached_tokens')
  const written = numberAt(input, 'cache_write_tokens')
  return {
    ...NO_USAGE,
    input_tokens: Math.max(0, (numberAt(usage, 'input_tokens') ?? 0) - (read ?? 0) - (written ?? 0)),
    cache_creation_input_tokens: written ?? null,
    cache_read_input_tokens: read ?? null,
    output_tokens: numberAt(usage, 'output_tokens') ?? 0,
    output_tokens_details: thinking === undefined ? null : { thinking_tokens: thinking },
    server_tool_use: searches,
    service_tier: tier,
  }
}

/** The part of it that the end of a stream tells. */
export function toDeltaUsage(response: JsonObject, webSearches: number): MessageDeltaUsage {
  const { cache_creation, service_tier, inference_geo, speed, ...usage } = toUsage(response, webSearches)
  return usage
}

function toTier(tier: unknown): Usage['service_tier'] {
  if (tier === 'priority') return 'priority'
  return tier === 'default' ? 'standard' : null
}
