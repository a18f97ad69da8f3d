import type { MessageCreateParamsBase as BetaMessageParams } from '@anthropic-ai/sdk/resources/beta/messages/messages'
import type { MessageCreateParamsBase as MessageParams } from '@anthropic-ai/sdk/resources/messages/messages'
import type { ChatCompletionCreateParams } from 'openai/resources/chat/completions'
import type { ResponseCreateParams } from 'openai/resources/responses/responses'
import type { JsonObject } from '../../src/lib/json.ts'

/** What becomes of one field that asks for something. */
export type Case =
  /** The backend's body then differs from the plain one in these members. */
  | { readonly value: unknown; readonly changes: JsonObject }
  /** The backend's body is the plain one, and nothing is reported: the gateway does it itself. */
  | { readonly value: unknown; readonly own: true }
  | { readonly value: unknown; readonly dropped: true }
  | { readonly value: unknown; readonly refused: true }

/** Equal to any text, for `toEqual`; written out because the documentation is made without a test runner. */
const SOME_TEXT = {
  $$typeof: Symbol.for('jest.asymmetricMatcher'),
  asymmetricMatch: (value: unknown) => typeof value === 'string',
}
const flatF = { type: 'function', name: 'f', parameters: { type: 'object', properties: {} }, strict: false }
const SCHEMA = { type: 'object', properties: {}, additionalProperties: false }
const REASONING = 'reasoning.encrypted_content'

/** Every optional field of the official chat type: the compiler asks for a new row when the type gains one. */
export const CHAT_CASES: Record<Exclude<keyof ChatCompletionCreateParams, 'model' | 'messages'>, Case> = {
  audio: { value: { voice: 'alloy', format: 'mp3' }, refused: true },
  frequency_penalty: { value: 0.5, dropped: true },
  function_call: { value: 'none', changes: { tool_choice: 'none', parallel_tool_calls: false } },
  functions: { value: [{ name: 'f' }], changes: { tools: [flatF], parallel_tool_calls: false } },
  logit_bias: { value: { 50256: -100 }, dropped: true },
  logprobs: { value: true, dropped: true },
  max_completion_tokens: { value: 1000, own: true },
  max_tokens: { value: 1000, own: true },
  metadata: { value: { a: 'b' }, dropped: true },
  modalities: { value: ['text', 'audio'], refused: true },
  moderation: { value: { policy: 'p' }, dropped: true },
  n: { value: 2, refused: true },
  parallel_tool_calls: { value: false, changes: { parallel_tool_calls: false } },
  prediction: { value: { type: 'content', content: 'x' }, dropped: true },
  presence_penalty: { value: 0.5, dropped: true },
  prompt_cache_key: { value: 'my-key', changes: { prompt_cache_key: 'my-key' } },
  prompt_cache_options: { value: { mode: 'explicit' }, dropped: true },
  prompt_cache_retention: { value: '24h', dropped: true },
  reasoning_effort: { value: 'high', changes: { reasoning: { effort: 'high', summary: 'auto' } } },
  response_format: {
    value: { type: 'json_object' },
    changes: { text: { verbosity: 'low', format: { type: 'json_object' } } },
  },
  safety_identifier: { value: 's', dropped: true },
  seed: { value: 7, dropped: true },
  service_tier: { value: 'priority', changes: { service_tier: 'priority' } },
  stop: { value: ['never said'], own: true },
  store: { value: true, dropped: true },
  stream: { value: true, own: true },
  stream_options: { value: { include_usage: true }, own: true },
  temperature: { value: 0.2, dropped: true },
  tool_choice: { value: 'none', changes: { tool_choice: 'none' } },
  tools: { value: [{ type: 'function', function: { name: 'f' } }], changes: { tools: [flatF] } },
  top_logprobs: { value: 2, dropped: true },
  top_p: { value: 0.5, dropped: true },
  user: { value: 'u', dropped: true },
  verbosity: { value: 'high', changes: { text: { verbosity: 'high' } } },
  web_search_options: { value: {}, dropped: true },
}

/** The same of the official Responses type; `input` is the plain request's own. */
export const RESPONSES_CASES: Record<Exclude<keyof ResponseCreateParams, 'model' | 'input'>, Case> = {
  access_programs: { value: { bio: 'b' }, changes: { access_programs: { bio: 'b' } } },
  background: { value: true, refused: true },
  context_management: { value: [{ type: 'compaction', compact_threshold: 1000 }], dropped: true },
  conversation: { value: 'conv_1', refused: true },
  image: { value: { x: 1 }, dropped: true },
  include: {
    value: ['web_search_call.action.sources'],
    changes: { include: ['web_search_call.action.sources', REASONING] },
  },
  instructions: { value: 'Be brief. ', changes: { instructions: 'Be brief. ', prompt_cache_key: SOME_TEXT } },
  max_output_tokens: { value: 1000, own: true },
  max_tool_calls: { value: 3, dropped: true },
  metadata: { value: { a: 'b' }, dropped: true },
  moderation: { value: { policy: 'p' }, dropped: true },
  parallel_tool_calls: { value: false, changes: { parallel_tool_calls: false } },
  // A known one is R-07.
  previous_response_id: { value: 'resp_unknown', refused: true },
  prompt: { value: { id: 'pmpt_1' }, refused: true },
  prompt_cache_key: { value: 'my-key', changes: { prompt_cache_key: 'my-key' } },
  prompt_cache_options: { value: { mode: 'explicit' }, dropped: true },
  prompt_cache_retention: { value: '24h', dropped: true },
  reasoning: { value: { effort: 'high' }, changes: { reasoning: { effort: 'high' } } },
  safety_identifier: { value: 's', dropped: true },
  service_tier: { value: 'priority', changes: { service_tier: 'priority' } },
  store: { value: true, own: true },
  stream: { value: true, own: true },
  stream_options: { value: { include_obfuscation: true }, dropped: true },
  temperature: { value: 0.2, dropped: true },
  text: { value: { verbosity: 'low' }, changes: { text: { verbosity: 'low' } } },
  tool_choice: { value: 'none', changes: { tool_choice: 'none' } },
  tools: { value: [flatF], changes: { tools: [flatF] } },
  top_logprobs: { value: 2, dropped: true },
  top_p: { value: 0.5, dropped: true },
  truncation: { value: 'auto', dropped: true },
  user: { value: 'u', dropped: true },
}

/** The same of Anthropic's type and its beta; how the backend's body changes is for the tests of that door. */
export const MESSAGES_CASES: Record<
  Exclude<keyof MessageParams | keyof BetaMessageParams, 'model' | 'messages' | 'max_tokens'> | OlderField,
  { readonly value: unknown; readonly becomes: 'changes' | 'own' | 'dropped' | 'refused' }
> = {
  betas: { value: ['b'], becomes: 'dropped' },
  billing_policy: { value: { x: 1 }, becomes: 'dropped' },
  cache_control: { value: { type: 'ephemeral' }, becomes: 'own' },
  compaction: { value: { x: 1 }, becomes: 'dropped' },
  container: { value: 'c', becomes: 'refused' },
  context_management: { value: { edits: [] }, becomes: 'dropped' },
  diagnostics: { value: { x: 1 }, becomes: 'dropped' },
  fallback_credit_token: { value: 't', becomes: 'dropped' },
  fallbacks: { value: [{ model: 'm' }], becomes: 'dropped' },
  inference_geo: { value: 'eu', becomes: 'dropped' },
  mcp_servers: { value: [{ type: 'url', name: 'm', url: 'https://mcp.example' }], becomes: 'refused' },
  metadata: { value: { user_id: '{"session_id":"s1"}' }, becomes: 'changes' },
  output_config: { value: { effort: 'high' }, becomes: 'changes' },
  output_format: { value: { type: 'json_schema', schema: SCHEMA }, becomes: 'changes' },
  service_tier: { value: 'auto', becomes: 'own' },
  speed: { value: 'fast', becomes: 'changes' },
  stop_sequences: { value: ['never said'], becomes: 'own' },
  stream: { value: true, becomes: 'own' },
  system: { value: 'Be brief.', becomes: 'changes' },
  temperature: { value: 0.2, becomes: 'dropped' },
  thinking: { value: { type: 'disabled' }, becomes: 'changes' },
  thread: { value: { id: 't' }, becomes: 'refused' },
  tool_choice: { value: { type: 'none' }, becomes: 'changes' },
  tools: { value: [{ name: 'f', input_schema: { type: 'object' } }], becomes: 'changes' },
  top_k: { value: 5, becomes: 'dropped' },
  top_p: { value: 0.5, becomes: 'dropped' },
  user_profile_id: { value: 'u', becomes: 'dropped' },
  workspace_id: { value: 'w', becomes: 'dropped' },
}

type OlderField = 'temperature' | 'top_p' | 'top_k'
