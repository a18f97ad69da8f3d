import type { MessageCreateParamsBase as BetaParams } from '@anthropic-ai/sdk/resources/beta/messages/messages'
import type { MessageCreateParamsBase as Params } from '@anthropic-ai/sdk/resources/messages/messages'

export type FieldClass = 'mapped' | 'honoured' | 'emulated' | 'dropped' | 'refused' | "gateway's own"

/** Fields beyond the official types: older ones that SDKs still send, and ours. */
type FurtherField =
  | 'temperature'
  | 'top_p'
  | 'top_k'
  | 'extra_body'
  | 'capabilities'
  | 'client_capabilities'
  | 'codex_capabilities'
  | 'codex_system_prompt'
  | 'codex_environment_context'
  | 'prompt_cache_key'
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
  extra_body: "gateway's own",
  codex_capabilities: "gateway's own",
  client_capabilities: "gateway's own",
  capabilities: "gateway's own",
  codex_system_prompt: "gateway's own",
  codex_environment_context: "gateway's own",
  prompt_cache_key: "gateway's own",
  agent: "gateway's own",
  session_id: "gateway's own",
  conversation_id: "gateway's own",
  project_dir: "gateway's own",
  cwd: "gateway's own",
  approval_policy: "gateway's own",
  sandbox_mode: "gateway's own",
  network_access: "gateway's own",
  shell: "gateway's own",
} as const satisfies Record<keyof Params | keyof BetaParams | FurtherField, FieldClass>

/** True for fields that a rule of this door takes care of. */
export function isHandled(name: string): boolean {
  const known: Readonly<Record<string, FieldClass>> = MESSAGES_FIELDS
  return Object.hasOwn(known, name) && known[name] !== 'dropped'
}
