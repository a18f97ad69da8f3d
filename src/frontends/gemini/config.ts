import { isObject, type JsonObject, wordOf } from '../../lib/json.ts'
import { GatewayError, invalidField } from '../../turn/errors.ts'
import { readArray, readObject, readString } from '../../turn/read-body.ts'
import { isStrictSchema } from '../../turn/strict-schema.ts'
import { toBudgetEffort } from '../../turn/thinking-budget.ts'
import type { ThinkingShown } from '../../turn/turn.ts'
import { isHandledInConfig } from './fields.ts'
import { toJsonSchema } from './schema.ts'
import { camelKeys } from './spelling.ts'

export interface Config {
  /** `text.format` of the backend. */
  readonly format: JsonObject | undefined
  readonly shown: ThinkingShown
  readonly effort: string | undefined
  readonly stop: readonly string[]
  readonly maxOutputTokens: number | undefined
  readonly dropped: readonly string[]
  readonly adjusted: readonly string[]
}

const PATH = 'generationConfig'
/** Each is looked for in every piece of text. */
const MAX_STOP_SEQUENCES = 100

/** `generationConfig`. @throws GatewayError with the path of what is at fault */
export function readConfig(fields: JsonObject): Config {
  const config = camelKeys(readObject(fields, PATH) ?? {})
  refuseOtherAnswers(config)
  const thinking = readThinking(config)
  const { format, isLoose } = readFormat(config)
  const others = Object.entries(config).filter(([name, value]) => !isHandledInConfig(name) && !isNoWish(name, value))
  return {
    format,
    shown: thinking.shown,
    effort: thinking.effort,
    stop: readStop(config),
    maxOutputTokens: readLimit(config),
    dropped: [...others.map(([name]) => `${PATH}.${name}`), ...thinking.dropped],
    adjusted: [...thinking.adjusted, ...(isLoose ? [`${PATH}.responseSchema.strict=false`] : [])],
  }
}

function isNoWish(name: string, value: unknown): boolean {
  return value === null || (name === 'responseLogprobs' && value === false)
}

function refuseOtherAnswers(config: JsonObject): void {
  const count = config.candidateCount ?? 1
  if (count !== 1) throw unsupported('candidateCount', 'this backend gives one answer.')
  const modalities = readArray(config, 'responseModalities', `${PATH}.responseModalities`) ?? []
  if (modalities.every((word) => wordOf(word).toUpperCase() === 'TEXT')) return
  throw unsupported('responseModalities', 'answers are text here.')
}

function unsupported(name: string, message: string): GatewayError {
  return new GatewayError('unsupported_parameter', `${PATH}.${name}: ${message}`, { param: `${PATH}.${name}` })
}

/** @returns isLoose: the schema is not one for the backend's strict mode, which is then not asked for */
function readFormat(config: JsonObject): { format: JsonObject | undefined; isLoose: boolean } {
  const type = readString(config, 'responseMimeType', `${PATH}.responseMimeType`) ?? ''
  const plain = config.responseJsonSchema ?? undefined
  const own = config.responseSchema ?? undefined
  if (!['', 'text/plain', 'application/json'].includes(type)) {
    throw unsupported('responseMimeType', 'text/plain and application/json are possible.')
  }
  if (plain === undefined && own === undefined) {
    return { format: type === 'application/json' ? { type: 'json_object' } : undefined, isLoose: false }
  }
  const path = `${PATH}.responseJsonSchema`
  if (plain !== undefined && !isObject(plain)) throw invalidField(path, `${path} must be a JSON schema.`)
  const schema = plain ?? toJsonSchema(own, `${PATH}.responseSchema`)
  const strict = isStrictSchema(schema)
  return { format: { type: 'json_schema', name: 'output', schema, strict }, isLoose: !strict }
}

interface Thinking extends Pick<Config, 'shown' | 'effort' | 'dropped' | 'adjusted'> {}

/** A level beats a budget. Signatures come whether or not thoughts are asked for, as in this API. */
function readThinking(config: JsonObject): Thinking {
  const path = `${PATH}.thinkingConfig`
  const thinking = camelKeys(readObject(config, 'thinkingConfig', path) ?? {})
  const { includeThoughts, thinkingBudget: budget, thinkingLevel: _level, ...others } = thinking
  const shown = includeThoughts === true ? 'summarized' : 'omitted'
  const dropped = Object.entries(others).flatMap(([key, value]) => (value === null ? [] : [`${path}.${key}`]))
  const level = readString(thinking, 'thinkingLevel', `${path}.thinkingLevel`)?.toLowerCase()
  if (level !== undefined && level !== 'thinking_level_unspecified') {
    return { shown, effort: level, dropped, adjusted: [] }
  }
  const effort = toEffort(budget ?? undefined, `${path}.thinkingBudget`)
  return { shown, effort, dropped, adjusted: effort === undefined ? [] : [`${path}.thinkingLevel=${effort}`] }
}

/** -1 leaves it to the model; without thinking is as near as the lowest level a model has. */
function toEffort(budget: unknown, path: string): string | undefined {
  if (budget === undefined || budget === -1) return undefined
  if (typeof budget !== 'number' || !Number.isInteger(budget) || budget < 0) {
    throw invalidField(path, `${path} must be an integer of at least -1.`)
  }
  return budget === 0 ? 'none' : toBudgetEffort(budget)
}

function readStop(config: JsonObject): string[] {
  const path = `${PATH}.stopSequences`
  const sequences = readArray(config, 'stopSequences', path) ?? []
  if (sequences.length > MAX_STOP_SEQUENCES) {
    throw invalidField(path, `${path} may hold at most ${MAX_STOP_SEQUENCES} texts.`)
  }
  return sequences.map((value, index) => {
    if (typeof value === 'string' && value !== '') return value
    throw invalidField(`${path}[${index}]`, `${path}[${index}] must be a string that is not empty.`)
  })
}

function readLimit(config: JsonObject): number | undefined {
  const limit = config.maxOutputTokens ?? undefined
  if (limit === undefined) return undefined
  if (typeof limit === 'number' && Number.isInteger(limit) && limit >= 1) return limit
  throw invalidField(`${PATH}.maxOutputTokens`, `${PATH}.maxOutputTokens must be an integer of at least 1.`)
}
