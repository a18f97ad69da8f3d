import type { JsonObject } from '../lib/json.ts'
import { DEFAULT_INSTRUCTIONS } from '../turn/default-instructions.ts'
import type { ModelEntry } from '../turn/model.ts'
import { toModelEntry } from './entry.ts'
import { EFFORTS, type Effort } from './setting-words.ts'

interface BuiltinModel {
  readonly slug: string
  readonly highestEffort: Effort
  /** Only where it was observed; without it the backend decides. */
  readonly defaultEffort?: Effort
  readonly isHidden?: true
  readonly isClassic?: true
}

/** What codex-cli 0.169.0 carries in itself, its default first (upstream.md §1.4, backend-facts.md §11). Flags only, no prompts. */
const BUILTIN_MODELS: readonly BuiltinModel[] = [
  { slug: 'gpt-6.1-sol', highestEffort: 'ultra', defaultEffort: 'low' },
  { slug: 'gpt-6-astra', highestEffort: 'ultra', defaultEffort: 'low' },
  { slug: 'gpt-6.1-terra', highestEffort: 'ultra' },
  { slug: 'gpt-6-sol', highestEffort: 'ultra' },
  { slug: 'gpt-6-luna', highestEffort: 'max' },
  { slug: 'gpt-5.6-sol', highestEffort: 'ultra' },
  { slug: 'gpt-5.6-terra', highestEffort: 'ultra' },
  { slug: 'gpt-5.6-luna', highestEffort: 'max' },
  { slug: 'gpt-5.5', highestEffort: 'xhigh', defaultEffort: 'medium', isClassic: true },
  { slug: 'gpt-daybreak-blue-latest', highestEffort: 'ultra', isHidden: true },
  { slug: 'gpt-daybreak-red-latest', highestEffort: 'ultra', isHidden: true },
  { slug: 'codex-auto-review', highestEffort: 'max', isHidden: true },
]

/** Catalogue entries the Codex CLI accepts: every field it insists on (upstream.md §3), with a base text of ours. */
export const BUILTIN_RAW_MODELS: readonly JsonObject[] = BUILTIN_MODELS.map(toRawModel)

/** The same as entries; they carry no base text, so that a configured one is not shadowed. */
export const BUILTIN_ENTRIES: readonly ModelEntry[] = BUILTIN_RAW_MODELS.flatMap((raw) => {
  const entry = toModelEntry(raw)
  return entry === undefined ? [] : [{ ...entry, raw: undefined, baseInstructions: undefined }]
})

function toRawModel(model: BuiltinModel, priority: number): JsonObject {
  return {
    slug: model.slug,
    display_name: model.slug,
    ...(model.defaultEffort === undefined ? {} : { default_reasoning_level: model.defaultEffort }),
    supported_reasoning_levels: EFFORTS.slice(EFFORTS.indexOf('low'), EFFORTS.indexOf(model.highestEffort) + 1).map(
      (effort) => ({ effort, description: `Reasoning effort ${effort}` }),
    ),
    shell_type: 'unified_exec',
    visibility: model.isHidden === true ? 'hide' : 'list',
    supported_in_api: true,
    priority,
    support_verbosity: true,
    default_verbosity: 'low',
    apply_patch_tool_type: 'freeform',
    truncation_policy: { mode: 'tokens', limit: 10_000 },
    context_window: 272_000,
    input_modalities: ['text', 'image'],
    experimental_supported_tools: [],
    use_responses_lite: model.isClassic !== true,
    base_instructions: DEFAULT_INSTRUCTIONS,
  }
}
