import { arrayAt, isObject, type JsonObject, objectAt, stringAt } from '../lib/json.ts'
import type { ModelEntry } from '../turn/model.ts'
import { EFFORTS } from './setting-words.ts'

/**
 * One entry of the backend's catalogue (upstream.md §3). Tolerant: what is missing or malformed reads as not said;
 * undefined without a slug.
 */
export function toModelEntry(raw: JsonObject): ModelEntry | undefined {
  const slug = stringAt(raw, 'slug')
  if (slug === undefined || slug === '') return undefined
  const supportsVerbosity = raw.support_verbosity !== false
  return {
    slug,
    raw,
    isListed: (raw.visibility ?? 'list') === 'list',
    isLite: raw.use_responses_lite === true,
    efforts: toEfforts(raw),
    defaultEffort: stringAt(raw, 'default_reasoning_level')?.toLowerCase(),
    supportsVerbosity,
    defaultVerbosity: supportsVerbosity ? stringAt(raw, 'default_verbosity')?.toLowerCase() : undefined,
    supportsSummaries: raw.supports_reasoning_summaries !== false,
    serviceTiers: [...wordsAt(raw, 'service_tiers', 'id'), ...wordsAt(raw, 'additional_speed_tiers', 'id')],
    baseInstructions: toBaseInstructions(raw),
  }
}

function toEfforts(raw: JsonObject): string[] {
  const offered = new Set(wordsAt(raw, 'supported_reasoning_levels', 'effort'))
  return EFFORTS.filter((word) => offered.has(word))
}

/** Lists hold objects today; plain words have been seen for tiers. */
function wordsAt(raw: JsonObject, key: string, member: string): string[] {
  return (arrayAt(raw, key) ?? []).flatMap((item) => {
    const word = isObject(item) ? item[member] : item
    return typeof word === 'string' ? [word.toLowerCase()] : []
  })
}

/** The order of upstream.md §1.4. */
function toBaseInstructions(raw: JsonObject): string | undefined {
  const template = stringAt(objectAt(raw, 'model_messages') ?? {}, 'instructions_template')
  return [template, stringAt(raw, 'base_instructions')].find((text) => text !== undefined && text.trim() !== '')
}
