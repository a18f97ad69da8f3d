import type { JsonObject } from '../lib/json.ts'

const RANKS = ['low', 'medium', 'high', 'xhigh', 'max', 'ultra']

/** An entry with every field the Codex CLI requires (upstream.md §3). */
function model(slug: string, highest: string, fields: JsonObject): JsonObject {
  const efforts = RANKS.slice(0, RANKS.indexOf(highest) + 1)
  return {
    slug,
    display_name: slug,
    description: 'A model of the simulator.',
    default_reasoning_level: 'medium',
    supported_reasoning_levels: efforts.map((effort) => ({ effort, description: `${effort} effort` })),
    shell_type: 'unified_exec',
    visibility: 'list',
    supported_in_api: true,
    priority: 1,
    support_verbosity: true,
    default_verbosity: 'low',
    apply_patch_tool_type: 'freeform',
    truncation_policy: { mode: 'tokens', limit: 10_000 },
    experimental_supported_tools: [],
    input_modalities: ['text', 'image'],
    context_window: 272_000,
    service_tiers: [{ id: 'priority', name: 'Fast', description: 'Faster answers' }],
    base_instructions: `You are the simulated model ${slug}. Answer briefly.`,
    use_responses_lite: false,
    ...fields,
  }
}

/** What the simulator offers unless told otherwise. */
export const SIMULATOR_MODELS: readonly JsonObject[] = [
  model('gpt-5.5', 'xhigh', {}),
  model('gpt-5.6-sol', 'ultra', { use_responses_lite: true }),
  model('gpt-5.6-luna', 'max', { use_responses_lite: true }),
  model('gpt-plain', 'high', { support_verbosity: false, supports_reasoning_summaries: false }),
  model('gpt-hidden', 'high', { visibility: 'hide' }),
]
