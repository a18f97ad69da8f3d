import type { ChatCompletionCreateParams } from 'openai/resources/chat/completions'
import { type FieldClass, isHandledBy, OWN_FIELDS, type OwnField } from '../../turn/field-table.ts'

/** Fields beyond the official type that agents send and this gateway understands. */
type FurtherField = 'reasoning' | 'max_output_tokens'

/**
 * What becomes of each request field (connector.md §7.1). Fields not named here are dropped and reported. The table in
 * docs/protocols/chat-completions.md is held to this one by a test.
 */
export const CHAT_FIELDS = {
  messages: 'mapped',
  model: 'mapped',
  tools: 'mapped',
  tool_choice: 'mapped',
  parallel_tool_calls: 'mapped',
  functions: 'mapped',
  function_call: 'mapped',
  response_format: 'mapped',
  reasoning_effort: 'mapped',
  reasoning: 'mapped',
  verbosity: 'mapped',
  service_tier: 'mapped',
  prompt_cache_key: 'mapped',
  stream: 'honoured',
  stream_options: 'honoured',
  stop: 'emulated',
  max_tokens: 'emulated',
  max_completion_tokens: 'emulated',
  max_output_tokens: 'emulated',
  n: 'refused',
  audio: 'refused',
  modalities: 'dropped',
  temperature: 'dropped',
  top_p: 'dropped',
  presence_penalty: 'dropped',
  frequency_penalty: 'dropped',
  seed: 'dropped',
  logit_bias: 'dropped',
  logprobs: 'dropped',
  top_logprobs: 'dropped',
  user: 'dropped',
  metadata: 'dropped',
  store: 'dropped',
  safety_identifier: 'dropped',
  prompt_cache_retention: 'dropped',
  prompt_cache_options: 'dropped',
  prediction: 'dropped',
  web_search_options: 'dropped',
  moderation: 'dropped',
  ...OWN_FIELDS,
} as const satisfies Record<keyof ChatCompletionCreateParams | FurtherField | OwnField, FieldClass>

/** True for fields that a rule of this door takes care of. */
export function isHandled(name: string): boolean {
  return isHandledBy(CHAT_FIELDS, name)
}
