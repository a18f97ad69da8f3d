import type { ResponseCreateParams } from 'openai/resources/responses/responses'

export type FieldClass = 'passed' | 'mapped' | 'emulated' | 'dropped' | 'refused' | "gateway's own"

/** What becomes of each field of the official request type (connector.md §8.1). Fields not named here are dropped. */
export const RESPONSES_FIELDS = {
  model: 'mapped',
  input: 'mapped',
  instructions: 'mapped',
  stream: 'mapped',
  store: 'mapped',
  previous_response_id: 'emulated',
  max_output_tokens: 'emulated',
  tools: 'passed',
  tool_choice: 'passed',
  parallel_tool_calls: 'passed',
  reasoning: 'mapped',
  text: 'mapped',
  include: 'mapped',
  service_tier: 'mapped',
  prompt_cache_key: 'passed',
  background: 'refused',
  conversation: 'refused',
  prompt: 'refused',
  context_management: 'dropped',
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
} as const satisfies Partial<Record<keyof ResponseCreateParams, FieldClass>>

/** Fields beyond the official type that the backend or the gateway takes. */
const EXTRA_FIELDS: readonly string[] = ['client_metadata', 'access_programs', 'max_tokens', 'max_completion_tokens']

/** True for fields that a rule of this door takes care of. */
export function isHandled(name: string): boolean {
  const known: Readonly<Record<string, FieldClass>> = RESPONSES_FIELDS
  const kind = Object.hasOwn(known, name) ? known[name] : undefined
  return (kind !== undefined && kind !== 'dropped') || EXTRA_FIELDS.includes(name)
}
