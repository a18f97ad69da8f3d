import type { FinishReason, FunctionCall, GenerateContentResponseUsageMetadata, GroundingMetadata } from '@google/genai'
import { arrayAt, isObject, type JsonObject, numberAt, objectAt, stringAt } from '../../lib/json.ts'
import { annotationsOf, inputText, toInputObject } from '../../turn/output-items.ts'

export function toFunctionCall(item: JsonObject): FunctionCall {
  const id = stringAt(item, 'call_id') ?? stringAt(item, 'id') ?? ''
  return { id, name: stringAt(item, 'name') ?? '', args: toInputObject(inputText(item)) }
}

/** Without this API's types for each of its words: they are an enum, which type-only imports cannot name. */
export function toFinishReason(response: JsonObject, hasRefusal: boolean): `${FinishReason}` {
  if (response.status === 'incomplete') {
    const reason = stringAt(objectAt(response, 'incomplete_details') ?? {}, 'reason')
    return reason === 'content_filter' ? 'SAFETY' : 'MAX_TOKENS'
  }
  return hasRefusal ? 'SAFETY' : 'STOP'
}

/** The backend's numbers in this API's terms, where an answer's tokens are without its thoughts; undefined if there are none. */
export function toUsageMetadata({ usage }: JsonObject): Partial<GenerateContentResponseUsageMetadata> | undefined {
  if (!isObject(usage)) return undefined
  const input = numberAt(usage, 'input_tokens')
  const output = numberAt(usage, 'output_tokens')
  const total = numberAt(usage, 'total_tokens')
  const cached = numberAt(objectAt(usage, 'input_tokens_details') ?? {}, 'cached_tokens')
  const thoughts = numberAt(objectAt(usage, 'output_tokens_details') ?? {}, 'reasoning_tokens')
  return {
    ...(input === undefined ? {} : { promptTokenCount: input }),
    ...(output === undefined ? {} : { candidatesTokenCount: Math.max(0, output - (thoughts ?? 0)) }),
    ...(total === undefined ? {} : { totalTokenCount: total }),
    ...(cached === undefined ? {} : { cachedContentTokenCount: cached }),
    ...(thoughts === undefined ? {} : { thoughtsTokenCount: thoughts }),
  }
}

/** What web searches asked and found, as far as it is told; undefined if there were none. */
export function toGrounding(items: readonly JsonObject[]): GroundingMetadata | undefined {
  const actions = items.filter(({ type }) => type === 'web_search_call').map((item) => objectAt(item, 'action') ?? {})
  const queries = actions.flatMap((action) => stringAt(action, 'query') ?? arrayAt(action, 'queries') ?? [])
  const pages = new Map<string, string>()
  const sources = actions.flatMap((action) => arrayAt(action, 'sources') ?? [])
  for (const page of [...sources, ...items.flatMap(annotationsOf)].filter(isObject)) {
    const url = stringAt(page, 'url')
    if (url !== undefined) pages.set(url, stringAt(page, 'title') ?? pages.get(url) ?? url)
  }
  if (actions.length === 0 && pages.size === 0) return undefined
  return {
    webSearchQueries: queries.filter((query) => typeof query === 'string'),
    groundingChunks: [...pages].map(([uri, title]) => ({ web: { uri, title } })),
  }
}
