import type { ResponseCreateParams } from 'openai/resources/responses/responses'

export type FieldClass = 'passed' | 'mapped' | 'emulated' | 'dropped' | 'refused' | "gateway's own"

/** Fields beyond the official type that the backend or the gateway takes. */
type FurtherField =
  | 'client_metadata'
  | 'max_tokens'
  | 'max_completion_tokens'
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
} as const satisfies Record<keyof ResponseCreateParams | FurtherField, FieldClass>

/** True for fields that a rule of this door takes care of. */
export function isHandled(name: string): boolean {
  const known: Readonly<Record<string, FieldClass>> = RESPONSES_FIELDS
  return Object.hasOwn(known, name) && known[name] !== 'dropped'
}
