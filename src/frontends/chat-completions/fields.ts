import type { ChatCompletionCreateParams } from 'openai/resources/chat/completions'

export type FieldClass = 'mapped' | 'honoured' | 'emulated' | 'dropped' | 'refused' | "gateway's own"

/** Fields beyond the official type that agents send and this gateway understands. */
type FurtherField =
  | 'reasoning'
  | 'max_output_tokens'
  | 'extra_body'
  | 'capabilities'
  | 'client_capabilities'
  | 'codex_capabilities'
  | 'codex_system_prompt'
  | 'codex_environment_context'
  | 'agent'
  | 'session_id'
  | 'conversation_id'
  | 'project_dir'
  | 'cwd'
  | 'approval_policy'
  | 'sandbox_mode'
  | 'network_access'
  | 'shell'

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
  extra_body: "gateway's own",
  codex_capabilities: "gateway's own",
  client_capabilities: "gateway's own",
  capabilities: "gateway's own",
  codex_system_prompt: "gateway's own",
  codex_environment_context: "gateway's own",
  agent: "gateway's own",
  session_id: "gateway's own",
  conversation_id: "gateway's own",
  project_dir: "gateway's own",
  cwd: "gateway's own",
  approval_policy: "gateway's own",
  sandbox_mode: "gateway's own",
  network_access: "gateway's own",
  shell: "gateway's own",
} as const satisfies Record<keyof ChatCompletionCreateParams | FurtherField, FieldClass>

/** True for fields that a rule of this door takes care of. */
export function isHandled(name: string): boolean {
  const known: Readonly<Record<string, FieldClass>> = CHAT_FIELDS
  return Object.hasOwn(known, name) && known[name] !== 'dropped'
}
