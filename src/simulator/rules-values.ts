import { arrayAt, isObject, type JsonObject, stringAt, wordOf } from '../lib/json.ts'
import { apiError, detail, firstOf, missing, type Refusal, unknownParameter, wrongType, wrongValue } from './refusal.ts'
import { findStrictFault } from './strict-fault.ts'

const REASONING_KEYS = new Set(['effort', 'summary', 'context', 'generate_summary'])
const SUMMARIES = ['auto', 'concise', 'detailed']
const VERBOSITIES = ['low', 'medium', 'high']
const FORMATS = ['text', 'json_object', 'json_schema']

/** Rules for single values, against the model's catalogue entry (backend-facts.md §4). */
export function findValueRefusal(body: JsonObject, model: JsonObject): Refusal | undefined {
  return (
    findReasoningRefusal(body.reasoning, model) ??
    findTextRefusal(body.text, model) ??
    findTierRefusal(body.service_tier, model) ??
    findPlainRefusal(body)
  )
}

function findReasoningRefusal(reasoning: unknown, model: JsonObject): Refusal | undefined {
  if (reasoning === undefined || reasoning === null) return undefined
  if (!isObject(reasoning)) return wrongType('reasoning', 'an object')
  const unknown = Object.keys(reasoning).find((key) => !REASONING_KEYS.has(key))
  if (unknown !== undefined) return unknownParameter(`reasoning.${unknown}`)
  const { effort, summary } = reasoning
  const efforts = effortsOf(model)
  if (effort !== undefined && effort !== null && !efforts.includes(wordOf(effort))) {
    return unsupportedValue('reasoning.effort', effort, model, efforts)
  }
  if (summary === undefined || summary === null) return undefined
  if (model.supports_reasoning_summaries === false) {
    return apiError(`Unsupported parameter: 'reasoning.summary' is not supported with this model.`, {
      param: 'reasoning.summary',
      code: 'unsupported_parameter',
    })
  }
  return SUMMARIES.includes(wordOf(summary)) ? undefined : wrongValue('reasoning.summary', summary, SUMMARIES)
}

/** `ultra` is the clients' word; the wire has `max` (backend-facts.md §4). `none` and `minimal` are on no list. */
function effortsOf(model: JsonObject): string[] {
  const levels = arrayAt(model, 'supported_reasoning_levels')
  if (levels === undefined) return ['low', 'medium', 'high', 'xhigh', 'max']
  const words = levels.map((level) => (isObject(level) ? level.effort : level))
  return words.filter((word) => typeof word === 'string').filter((word) => word !== 'ultra')
}

function unsupportedValue(param: string, value: unknown, model: JsonObject, supported: readonly string[]): Refusal {
  const list = supported.map((word) => `'${word}'`).join(', ')
  return apiError(
    `Unsupported value: '${wordOf(value)}' is not supported with the '${wordOf(model.slug)}' model. Supported values are: ${list}.`,
    { param, code: 'unsupported_value' },
  )
}

function findTextRefusal(text: unknown, model: JsonObject): Refusal | undefined {
  if (text === undefined || text === null) return undefined
  if (!isObject(text)) return wrongType('text', 'an object')
  const unknown = Object.keys(text).find((key) => key !== 'verbosity' && key !== 'format')
  if (unknown !== undefined) return unknownParameter(`text.${unknown}`)
  const { verbosity, format } = text
  if (verbosity !== undefined && verbosity !== null) {
    if (model.support_verbosity === false) {
      return apiError(`Unsupported parameter: 'text.verbosity' is not supported with this model.`, {
        param: 'text.verbosity',
        code: 'unsupported_parameter',
      })
    }
    if (!VERBOSITIES.includes(wordOf(verbosity))) return wrongValue('text.verbosity', verbosity, VERBOSITIES)
  }
  return format === undefined || format === null ? undefined : findFormatRefusal(format)
}

function findFormatRefusal(format: unknown): Refusal | undefined {
  if (!isObject(format)) return wrongType('text.format', 'an object')
  if (!FORMATS.includes(wordOf(format.type))) return wrongValue('text.format.type', format.type, FORMATS)
  if (format.type !== 'json_schema') return undefined
  const name = stringAt(format, 'name')
  if (name === undefined) return missing('text.format.name')
  if (!isObject(format.schema)) return missing('text.format.schema')
  const fault = format.strict === true ? findStrictFault(format.schema) : undefined
  return fault === undefined
    ? undefined
    : apiError(`Invalid schema for response_format '${name}': ${fault}.`, {
        param: 'text.format.schema',
        code: 'invalid_json_schema',
      })
}

function findTierRefusal(tier: unknown, model: JsonObject): Refusal | undefined {
  if (tier === undefined || tier === null || tier === 'priority' || tier === 'flex') return undefined
  const listed = (arrayAt(model, 'service_tiers') ?? []).some((entry) => isObject(entry) && entry.id === tier)
  return listed ? undefined : detail(`Unsupported service_tier: ${wordOf(tier)}`)
}

function findPlainRefusal(body: JsonObject): Refusal | undefined {
  const { include, prompt_cache_key: key, parallel_tool_calls: parallel, client_metadata: metadata } = body
  if (include !== undefined && include !== null && !isStrings(include))
    return wrongType('include', 'an array of strings')
  if (key !== undefined && key !== null && typeof key !== 'string') return wrongType('prompt_cache_key', 'a string')
  if (parallel !== undefined && parallel !== null && typeof parallel !== 'boolean') {
    return wrongType('parallel_tool_calls', 'a boolean')
  }
  if (metadata === undefined || metadata === null) return undefined
  if (!isObject(metadata)) return wrongType('client_metadata', 'an object')
  return firstOf(Object.entries(metadata), ([name, value]) =>
    typeof value === 'string' ? undefined : wrongType(`client_metadata.${name}`, 'a string'),
  )
}

function isStrings(value: unknown): boolean {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string')
}
