import type { CompletionCreateParams } from 'openai/resources/completions'
import { type FieldClass, isHandledBy, OWN_FIELDS, type OwnField } from '../../turn/field-table.ts'

/** Fields of the chat API that clients of this one send as well. */
type FurtherField =
  | 'max_completion_tokens'
  | 'max_output_tokens'
  | 'prompt_cache_key'
  | 'reasoning_effort'
  | 'verbosity'

/**
 * What becomes of each request field, by the rules of connector.md §7.1. Fields not named here are dropped and reported.
 * The table in docs/protocols/completions.md is held to this one by a test.
 */
export const COMPLETION_FIELDS = {
  model: 'mapped',
  prompt: 'mapped',
  reasoning_effort: 'mapped',
  verbosity: 'mapped',
  prompt_cache_key: 'mapped',
  stream: 'honoured',
  stream_options: 'honoured',
  stop: 'emulated',
  max_tokens: 'emulated',
  max_completion_tokens: 'emulated',
  max_output_tokens: 'emulated',
  n: 'refused',
  best_of: 'refused',
  echo: 'refused',
  suffix: 'refused',
  logprobs: 'dropped',
  temperature: 'dropped',
  top_p: 'dropped',
  presence_penalty: 'dropped',
  frequency_penalty: 'dropped',
  seed: 'dropped',
  logit_bias: 'dropped',
  user: 'dropped',
  ...OWN_FIELDS,
} as const satisfies Record<keyof CompletionCreateParams | FurtherField | OwnField, FieldClass>

/** True for fields that a rule of this door takes care of. */
export function isHandled(name: string): boolean {
  return isHandledBy(COMPLETION_FIELDS, name)
}
