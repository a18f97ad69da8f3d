import type { JsonObject } from '../../lib/json.ts'
import { invalidField } from '../../turn/errors.ts'
import { readObject } from '../../turn/read-body.ts'

export interface Options {
  readonly stop: readonly string[]
  readonly maxOutputTokens: number | undefined
  /** `options.NAME` of all others. */
  readonly dropped: readonly string[]
}

/** Each is looked for in every piece of text. */
const MAX_STOP_SEQUENCES = 100

/** Of the options, those that say when the answer ends are emulated; the rest has no place here. */
export function readOptions(fields: JsonObject): Options {
  const { stop, num_predict: limit, ...others } = readObject(fields, 'options') ?? {}
  return {
    stop: readStop(stop),
    maxOutputTokens: readLimit(limit),
    dropped: Object.entries(others).flatMap(([name, value]) => (value === null ? [] : [`options.${name}`])),
  }
}

function readStop(stop: unknown): string[] {
  const sequences: unknown[] = Array.isArray(stop) ? stop : stop === undefined || stop === null ? [] : [stop]
  if (sequences.length > MAX_STOP_SEQUENCES) {
    throw invalidField('options.stop', `options.stop may hold at most ${MAX_STOP_SEQUENCES} texts.`)
  }
  return sequences.map((value, index) => {
    if (typeof value === 'string' && value !== '') return value
    throw invalidField(`options.stop[${index}]`, `options.stop[${index}] must be a string that is not empty.`)
  })
}

/** Zero and below mean "no limit" in this API. */
function readLimit(limit: unknown): number | undefined {
  if (limit === undefined || limit === null) return undefined
  if (typeof limit !== 'number' || !Number.isInteger(limit)) {
    throw invalidField('options.num_predict', 'options.num_predict must be an integer.')
  }
  return limit > 0 ? limit : undefined
}
