import type { Capabilities } from '../turn/capabilities.ts'
import type { Endpoint } from '../turn/endpoint.ts'
import type { ModelEntry, ModelSettings, ModelWishes, ResolvedModel } from '../turn/model.ts'
import { type CheckedWishes, checkWishes, EFFORTS, type Effort, type WishPaths } from './setting-words.ts'

export interface SettingsInput {
  readonly resolved: ResolvedModel
  readonly endpoint: Endpoint
  /** The body's own words; absent = not asked. */
  readonly body: ModelWishes
  /** Where the body has them, if not in the endpoint's usual places. */
  readonly paths?: Partial<WishPaths>
  readonly reasoningOutput: Capabilities['reasoning_output']
}

const BODY_PATHS: Record<Endpoint, WishPaths> = {
  chat: { effort: 'reasoning_effort', verbosity: 'verbosity', summary: 'reasoning.summary' },
  completions: { effort: 'reasoning_effort', verbosity: 'verbosity', summary: 'model' },
  images: { effort: 'model', verbosity: 'model', summary: 'model' },
  messages: { effort: 'output_config.effort', verbosity: 'model', summary: 'thinking.display' },
  ollama: { effort: 'think', verbosity: 'model', summary: 'think' },
  gemini: {
    effort: 'generationConfig.thinkingConfig.thinkingLevel',
    verbosity: 'model',
    summary: 'generationConfig.thinkingConfig.includeThoughts',
  },
  responses: { effort: 'reasoning.effort', verbosity: 'text.verbosity', summary: 'reasoning.summary' },
}
const QUERY_PATHS: WishPaths = { effort: 'model', verbosity: 'model', summary: 'model' }

/**
 * The wire's values for what was asked: query before body before alias query, then the model's limits (connector.md §4.5).
 * @throws GatewayError 400 with the path of a word that is on no list
 */
export function settleModelSettings(input: SettingsInput): ModelSettings {
  const { resolved, endpoint, body } = input
  const wishes = rank([
    checkWishes(resolved.query, QUERY_PATHS),
    checkWishes(body, { ...BODY_PATHS[endpoint], ...input.paths }),
    checkWishes(resolved.aliasQuery, QUERY_PATHS),
  ])

  const effort = settleEffort(wishes.effort, input)
  const verbosity = settleVerbosity(wishes.verbosity, input)
  const summary = settleSummary(wishes.summary, input)
  const tier = settleTier(wishes.serviceTier, resolved.entry)
  return {
    ...given('effort', effort),
    ...given('summary', summary.value),
    ...given('verbosity', verbosity.value),
    ...given('serviceTier', tier.value),
    adjusted: wishes.effort === undefined || effort === wishes.effort ? [] : [`reasoning.effort=${effort}`],
    dropped: [
      ...(verbosity.isDropped ? ['verbosity'] : []),
      ...(summary.isDropped ? ['reasoning.summary'] : []),
      ...(tier.isDropped ? ['service_tier'] : []),
    ],
  }
}

/** `value` is for the wire; `isDropped` = asked for and left out. */
interface Settled {
  readonly value: string | undefined
  readonly isDropped: boolean
}

function rank([query, body, alias]: [CheckedWishes, CheckedWishes, CheckedWishes]): CheckedWishes {
  return {
    effort: query.effort ?? body.effort ?? alias.effort,
    verbosity: query.verbosity ?? body.verbosity ?? alias.verbosity,
    summary: query.summary ?? body.summary ?? alias.summary,
    serviceTier: query.serviceTier ?? body.serviceTier ?? alias.serviceTier,
  }
}

function settleEffort(asked: Effort | undefined, { resolved, endpoint }: SettingsInput): string | undefined {
  if (asked !== undefined) return toWireEffort(asked, resolved.entry?.efforts ?? [])
  const standard = endpoint === 'responses' ? undefined : resolved.entry?.defaultEffort
  return standard === 'ultra' ? 'max' : standard
}

/** The highest supported level at or below, else the lowest; `ultra` is a name for `max` with the CLI's own delegation. */
function toWireEffort(asked: Effort, supported: readonly string[]): string {
  const levels = EFFORTS.filter((effort) => supported.includes(effort))
  const wanted = EFFORTS.indexOf(asked)
  const clamped = levels.findLast((effort) => EFFORTS.indexOf(effort) <= wanted) ?? levels[0] ?? toCommonEffort(asked)
  return clamped === 'ultra' ? 'max' : clamped
}

/** For models whose levels are unknown: the backend's lowest level is `low` (backend-facts.md §4). */
function toCommonEffort(asked: Effort): Effort {
  return asked === 'none' || asked === 'minimal' ? 'low' : asked
}

function settleVerbosity(asked: string | undefined, { resolved: { entry }, endpoint }: SettingsInput): Settled {
  if (entry?.supportsVerbosity === false) return { value: undefined, isDropped: asked !== undefined }
  const standard = endpoint === 'responses' ? undefined : entry?.defaultVerbosity
  return { value: asked ?? standard, isDropped: false }
}

/** A wish beats `reasoning_output: none`, which only takes away the default. */
function settleSummary(asked: string | undefined, input: SettingsInput): Settled {
  const standard = input.endpoint !== 'responses' && input.reasoningOutput !== 'none' ? 'auto' : undefined
  const value = asked === 'none' ? undefined : (asked ?? standard)
  if (input.resolved.entry?.supportsSummaries !== false) return { value, isDropped: false }
  return { value: undefined, isDropped: asked !== undefined && asked !== 'none' }
}

function settleTier(asked: string | undefined, entry: ModelEntry | undefined): Settled {
  if (asked === undefined || asked === 'auto' || asked === 'default') return { value: undefined, isDropped: false }
  if (asked === 'priority' || asked === 'fast') return { value: 'priority', isDropped: false }
  const isOffered = asked === 'flex' || entry?.serviceTiers.includes(asked) === true
  return { value: isOffered ? asked : undefined, isDropped: !isOffered }
}

function given<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: string }
}
