import type { MessageCreateParamsBase as BetaParams } from '@anthropic-ai/sdk/resources/beta/messages/messages'
import type { MessageCreateParamsBase as Params } from '@anthropic-ai/sdk/resources/messages/messages'
import { type FieldClass, isHandledBy, OWN_FIELDS, type OwnField } from '../../turn/field-table.ts'

/** Fields beyond the official types: older ones that SDKs still send, and ours. */
type FurtherField = 'temperature' | 'top_p' | 'top_k' | 'prompt_cache_key'

/**
 * What becomes of each request field. Fields not named here are dropped and reported. The table in
 * docs/protocols/messages.md is held to this one by a test.
 */
export const MESSAGES_FIELDS = {
  model: 'mapped',
  messages: 'mapped',
  system: 'mapped',
  tools: 'mapped',
  tool_choice: 'mapped',
  thinking: 'mapped',
  output_config: 'mapped',
  output_format: 'mapped',
  service_tier: 'mapped',
  speed: 'mapped',
  metadata: 'honoured',
  stream: 'honoured',
  cache_control: 'honoured',
  max_tokens: 'emulated',
  stop_sequences: 'emulated',
  mcp_servers: 'refused',
  container: 'refused',
  thread: 'refused',
  temperature: 'dropped',
  top_p: 'dropped',
  top_k: 'dropped',
  context_management: 'dropped',
  compaction: 'dropped',
  diagnostics: 'dropped',
  inference_geo: 'dropped',
  billing_policy: 'dropped',
  fallbacks: 'dropped',
  fallback_credit_token: 'dropped',
  betas: 'dropped',
  user_profile_id: 'dropped',
  workspace_id: 'dropped',
  prompt_cache_key: "gateway's own",
  ...OWN_FIELDS,
} as const satisfies Record<keyof Params | keyof BetaParams | FurtherField | OwnField, FieldClass>

/** True for fields that a rule of this door takes care of. */
export function isHandled(name: string): boolean {
  return isHandledBy(MESSAGES_FIELDS, name)
}
