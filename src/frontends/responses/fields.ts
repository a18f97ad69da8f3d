import type { ResponseCreateParams } from 'openai/resources/responses/responses'
import { type FieldClass, isHandledBy, OWN_FIELDS, type OwnField } from '../../turn/field-table.ts'

/** Fields beyond the official type that the backend or the gateway takes. */
type FurtherField = 'client_metadata' | 'max_tokens' | 'max_completion_tokens'

/**
 * What becomes of each request field (connector.md §8.1). Fields not named here are dropped and reported. The table in
 * docs/protocols/responses.md is held to this one by a test.
 */
export const RESPONSES_FIELDS = {
  model: 'mapped',
  input: 'mapped',
  instructions: 'mapped',
  tools: 'mapped',
  tool_choice: 'mapped',
  parallel_tool_calls: 'passed',
  reasoning: 'mapped',
  text: 'mapped',
  include: 'mapped',
  service_tier: 'mapped',
  prompt_cache_key: 'passed',
  client_metadata: 'passed',
  access_programs: 'passed',
  stream: 'mapped',
  store: 'emulated',
  previous_response_id: 'emulated',
  max_output_tokens: 'emulated',
  max_tokens: 'emulated',
  max_completion_tokens: 'emulated',
  background: 'refused',
  conversation: 'refused',
  prompt: 'refused',
  context_management: 'dropped',
  image: 'dropped',
  max_tool_calls: 'dropped',
  metadata: 'dropped',
  moderation: 'dropped',
  prompt_cache_options: 'dropped',
  prompt_cache_retention: 'dropped',
  safety_identifier: 'dropped',
  stream_options: 'dropped',
  temperature: 'dropped',
  top_logprobs: 'dropped',
  top_p: 'dropped',
  truncation: 'dropped',
  user: 'dropped',
  ...OWN_FIELDS,
} as const satisfies Record<keyof ResponseCreateParams | FurtherField | OwnField, FieldClass>

/** True for fields that a rule of this door takes care of. */
export function isHandled(name: string): boolean {
  return isHandledBy(RESPONSES_FIELDS, name)
}
