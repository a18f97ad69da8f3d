import { arrayAt, isObject, type JsonObject, objectAt, wordOf } from '../lib/json.ts'
import { apiError, detail, missing, type Refusal } from './refusal.ts'
import type { CheckedRequest } from './rules.ts'

/** These do not exist in the lite shape, so a request that has them may come in the classic one (backend-facts.md §5). */
const HOSTED = new Set(['web_search', 'image_generation'])

/** Classic or lite, and all that hangs on it (backend-facts.md §5, upstream.md §1.2). */
export function findShapeRefusal(
  { body, headers }: CheckedRequest,
  model: JsonObject,
  items: readonly JsonObject[],
): Refusal | undefined {
  if (headers['x-openai-internal-codex-responses-lite'] === 'true') return findLiteRefusal(body, items)
  const tools = (arrayAt(body, 'tools') ?? []).filter(isObject)
  if (model.use_responses_lite === true && !tools.some(({ type }) => HOSTED.has(wordOf(type)))) {
    return apiError(`The '${wordOf(model.slug)}' model requires the Responses Lite request shape.`, { param: 'model' })
  }
  const misplaced = items.findIndex(({ type }) => type === 'additional_tools')
  // How the backend complains about tools it does not look for in the classic shape (backend-facts.md §5).
  if (misplaced !== -1) return missing(`input[${misplaced}].content`)
  if (body.instructions === undefined) {
    return items[0]?.role === 'developer' ? undefined : detail('Instructions are required')
  }
  return typeof body.instructions === 'string' ? undefined : detail('Instructions are not valid')
}

function findLiteRefusal(body: JsonObject, items: readonly JsonObject[]): Refusal | undefined {
  if (body.tools !== undefined) return liteError('tools', 'Tools belong into the first input item')
  if (body.instructions !== undefined && body.instructions !== '') {
    return liteError('instructions', 'Instructions belong into a developer message')
  }
  if (items.findLastIndex(({ type }) => type === 'additional_tools') > 0) {
    return liteError('input', 'additional_tools must be the first input item, once')
  }
  if (body.parallel_tool_calls !== false) return liteError('parallel_tool_calls', 'It must be false')
  if (objectAt(body, 'reasoning')?.context !== 'all_turns') {
    return liteError('reasoning.context', "It must be 'all_turns'")
  }
  return undefined
}

function liteError(param: string, message: string): Refusal {
  return apiError(`Invalid '${param}' for Responses Lite: ${message}.`, { param, code: 'invalid_value' })
}
