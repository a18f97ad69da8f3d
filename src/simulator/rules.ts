import { arrayAt, isObject, type JsonObject, wordOf } from '../lib/json.ts'
import { detail, firstOf, type Refusal } from './refusal.ts'
import { findInputRefusal } from './rules-input.ts'
import { findShapeRefusal } from './rules-shape.ts'
import { findToolRefusal } from './rules-tools.ts'
import { findValueRefusal } from './rules-values.ts'

export interface CheckedRequest {
  readonly body: JsonObject
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, unknown>>
  /** The catalogue. */
  readonly models: readonly JsonObject[]
  /** Slugs taken though the catalogue does not list them (backend-facts.md §11: spark). */
  readonly unlistedModels: readonly string[]
  /** Items before `input`, known from the response that the request continues. */
  readonly earlier?: readonly JsonObject[]
  /** `generate: false`, which may come before there is anything to answer. */
  readonly isWarmUp?: boolean
}

/** Backend-facts.md §4: a strict allow-list, so any other field is refused. */
const ALLOWED = new Set([
  'model',
  'instructions',
  'input',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'reasoning',
  'text',
  'include',
  'store',
  'stream',
  'prompt_cache_key',
  'service_tier',
  'client_metadata',
  'access_programs',
])

/** What the backend refuses, in its own words (backend-facts.md §4, §5, §9; upstream.md §10.1); undefined = accepted. */
export function findRefusal(request: CheckedRequest): Refusal | undefined {
  const { body, earlier = [], isWarmUp = false } = request
  if (body.store !== false) return detail('Store must be set to false')
  if (body.stream !== true) return detail('Stream must be set to true')
  const foreign = firstOf(Object.keys(body), (name) =>
    ALLOWED.has(name) ? undefined : detail(`Unsupported parameter: ${name}`),
  )
  if (foreign !== undefined) return foreign
  const model = findModel(request)
  if (model === undefined) {
    return detail(`The '${wordOf(body.model)}' model is not supported when using Codex with a ChatGPT account.`)
  }
  const input = arrayAt(body, 'input')
  if (input === undefined) return detail('Input must be a list')
  if (input.length === 0 && !isWarmUp) return detail('Input must not be empty')
  const items = input.filter(isObject)
  if (items.length < input.length) return detail('Input must be a list of objects')
  const context = [...earlier, ...items]
  return (
    findShapeRefusal(request, model, context) ??
    findInputRefusal(items, context) ??
    findToolRefusal(body, context) ??
    findValueRefusal(body, model)
  )
}

/** Slugs are case-sensitive (backend-facts.md §11). */
function findModel({ body, models, unlistedModels }: CheckedRequest): JsonObject | undefined {
  const listed = models.find(({ slug }) => slug === body.model)
  if (listed !== undefined) return listed
  const unlisted = unlistedModels.find((slug) => slug === body.model)
  return unlisted === undefined ? undefined : { slug: unlisted }
}
