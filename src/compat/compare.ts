import { isObject, type JsonObject, parseJsonObject } from '../lib/json.ts'

export interface Difference {
  /** Dotted, list places as `[]`, e.g. `body.input[].id`. */
  readonly path: string
  /** `missing`: not sent; `added`: sent, though the CLI does not; `order`: the same keys in another order. */
  readonly kind: 'missing' | 'added' | 'changed' | 'order'
  readonly captured?: unknown
  readonly sent?: unknown
}

export interface Comparison {
  /** How many values are alike. */
  readonly equal: number
  readonly differences: readonly Difference[]
}

export interface CompareOptions {
  /** Two values of one form are alike: UUIDs, times, tokens. */
  readonly byForm: boolean
  /** Paths whose key order means nothing. */
  readonly unordered: RegExp
}

type Pairs = readonly (readonly [string, string])[]

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/gi
/** Names in order, then every value. */
export function compareHeaders(captured: Pairs, sent: Pairs, options: CompareOptions): Comparison {
  return compareValues(toObject(captured), toObject(sent), 'headers', options)
}

/** Field by field, keys in order. */
export function compareValues(captured: unknown, sent: unknown, path: string, options: CompareOptions): Comparison {
  const differences: Difference[] = []
  let equal = 0

  function walk(before: unknown, now: unknown, at: string): void {
    const [left, right] = [toMembers(before), toMembers(now)]
    if (left !== undefined && right !== undefined) walkObject(left, right, at)
    else if (Array.isArray(before) && Array.isArray(now)) walkList(before, now, at)
    else if (isAlike(before, now, at, options.byForm)) equal += 1
    else differences.push({ path: at, kind: 'changed', captured: before, sent: now })
  }

  function walkObject(before: JsonObject, now: JsonObject, at: string): void {
    for (const key of new Set([...Object.keys(before), ...Object.keys(now)])) {
      const inner = `${at}.${key}`
      if (!Object.hasOwn(now, key)) differences.push({ path: inner, kind: 'missing', captured: before[key] })
      else if (!Object.hasOwn(before, key)) differences.push({ path: inner, kind: 'added', sent: now[key] })
      else walk(before[key], now[key], inner)
    }
    const [first, second] = [commonKeys(before, now), commonKeys(now, before)]
    const isSame = first.every((key, index) => key === second[index])
    if (!isSame && !options.unordered.test(at)) {
      differences.push({ path: at, kind: 'order', captured: first, sent: second })
    }
  }

  function walkList(before: readonly unknown[], now: readonly unknown[], at: string): void {
    const inner = `${at}[]`
    for (const [index, value] of before.entries()) {
      if (index < now.length) walk(value, now[index], inner)
      else differences.push({ path: inner, kind: 'missing', captured: value })
    }
    for (const value of now.slice(before.length)) differences.push({ path: inner, kind: 'added', sent: value })
  }

  walk(captured, sent, path)
  return { equal, differences }
}

function toObject(pairs: Pairs): JsonObject {
  return Object.fromEntries(pairs)
}

/** Of an object, or of one that is written as JSON in a string, as the turn metadata is. */
function toMembers(value: unknown): JsonObject | undefined {
  if (isObject(value)) return value
  return typeof value === 'string' && value.startsWith('{') ? parseJsonObject(value) : undefined
}

function commonKeys(object: JsonObject, other: JsonObject): string[] {
  return Object.keys(object).filter((key) => Object.hasOwn(other, key))
}

function isAlike(before: unknown, now: unknown, path: string, byForm: boolean): boolean {
  if (path === 'headers.authorization') return isBearer(before) && isBearer(now)
  return byForm ? toForm(before) === toForm(now) : before === now
}

/** Captures hold no tokens: a long one is replaced by its length and hash. */
function isBearer(value: unknown): boolean {
  return typeof value === 'string' && /^(?:Bearer \S+|<text chars=\d+ sha256=[0-9a-f]+>)$/.test(value)
}

/** What kind of value it is; words count as they are. */
function toForm(value: unknown): string {
  if (typeof value === 'number') return Number.isInteger(value) && value > 1e12 ? '<milliseconds>' : String(value)
  if (typeof value !== 'string') return JSON.stringify(value)
  return value.replace(UUID, '<uuid>').replace(/^\d{13}$/, '<milliseconds>')
}
