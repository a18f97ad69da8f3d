import type { CompletionUsage } from 'openai/resources/completions'
import { isObject, type JsonObject, numberAt, objectAt } from '../lib/json.ts'

/** The backend's usage under the names of chat and legacy completions; absent stays absent, nothing is invented (connector.md §9.3). */
export function toCompletionUsage(usage: unknown): CompletionUsage | undefined {
  if (!isObject(usage)) return undefined
  const input = objectAt(usage, 'input_tokens_details')
  const output = objectAt(usage, 'output_tokens_details')
  const prompt = input && pick(input, ['cached_tokens', 'cache_write_tokens'])
  const completion = output && pick(output, ['reasoning_tokens'])
  const named: JsonObject = {
    ...rename(usage, 'input_tokens', 'prompt_tokens'),
    ...rename(usage, 'output_tokens', 'completion_tokens'),
    ...rename(usage, 'total_tokens', 'total_tokens'),
    ...(prompt === undefined ? {} : { prompt_tokens_details: prompt }),
    ...(completion === undefined ? {} : { completion_tokens_details: completion }),
  }
  // The backend's numbers are passed on as they are, including what is missing.
  return named as unknown as CompletionUsage
}

function rename(source: JsonObject, from: string, to: string): JsonObject {
  const value = numberAt(source, from)
  return value === undefined ? {} : { [to]: value }
}

function pick(source: JsonObject, keys: readonly string[]): JsonObject | undefined {
  const entries = keys.flatMap((key) => (numberAt(source, key) === undefined ? [] : [[key, source[key]] as const]))
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

/** Several answers' usage as one; a number that any of them lacks is not known of all. */
export function sumUsage(usages: readonly unknown[]): JsonObject | undefined {
  const [first, ...others] = usages
  if (!isObject(first)) return undefined
  return others.reduce<JsonObject | undefined>(
    (sum, usage) => (sum && isObject(usage) ? add(sum, usage) : undefined),
    first,
  )
}

function add(left: JsonObject, right: JsonObject): JsonObject {
  const sum: JsonObject = {}
  for (const [key, value] of Object.entries(left)) {
    const other = right[key]
    if (typeof value === 'number' && typeof other === 'number') sum[key] = value + other
    else if (isObject(value) && isObject(other)) sum[key] = add(value, other)
  }
  return sum
}
