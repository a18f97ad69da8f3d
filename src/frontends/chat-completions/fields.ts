import type { ChatCompletionCreateParams } from 'openai/resources/chat/completions'

export type FieldClass = 'mapped' | 'honoured' | 'emulated' | 'dropped' | 'refused' | "gateway's own"

/** What becomes of each field of the official request type (connector.md §7.1). Fields not named here are dropped. */
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
  verbosity: 'mapped',
  service_tier: 'mapped',
  prompt_cache_key: 'mapped',
  stream: 'honoured',
  stream_options: 'honoured',
  stop: 'emulated',
  max_tokens: 'emulated',
  max_completion_tokens: 'emulated',
  audio: 'refused',
  n: 'refused',
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
} as const satisfies Record<keyof ChatCompletionCreateParams, FieldClass>

/** Fields beyond the official type that agents send and this door understands. */
const EXTRA_FIELDS: readonly string[] = ['reasoning', 'max_output_tokens']

/** True for fields that a rule of this door takes care of. */
export function isHandled(name: string): boolean {
  const known: Readonly<Record<string, FieldClass>> = CHAT_FIELDS
  const kind = Object.hasOwn(known, name) ? known[name] : undefined
  return (kind !== undefined && kind !== 'dropped') || EXTRA_FIELDS.includes(name)
}
