import { isObject, type JsonObject } from '../../../lib/json.ts'

const NOTHING: ReadonlySet<string> = new Set()

/** Deep equality of JSON, in which a member that is null is one that is not there. `ignored` names members of the top level. */
export function sameValue(a: unknown, b: unknown, ignored: ReadonlySet<string> = NOTHING): boolean {
  if (a === b) return true
  if (Array.isArray(a)) return Array.isArray(b) && sameList(a, b)
  return isObject(a) && isObject(b) && holds(a, b, ignored) && holds(b, a, ignored)
}

function sameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((value, index) => sameValue(value, b[index]))
}

/** True if every member of `part` is in `whole`, with the same value. */
export function holds(whole: JsonObject, part: JsonObject, ignored: ReadonlySet<string> = NOTHING): boolean {
  for (const key in part) {
    const value = part[key]
    if (value === null || value === undefined || ignored.has(key)) continue
    if (!sameValue(value, whole[key])) return false
  }
  return true
}

/** Numbers that JSON.parse may round: two texts that differ there can parse alike. */
const INEXACT = /\d{16}|\d[eE]/

/** True if two JSON texts say the same, whoever wrote them down again in between. Doubtful ones are different. */
export function sameJson(a: string, b: string): boolean {
  if (a === b) return true
  if (INEXACT.test(a) || INEXACT.test(b)) return false
  try {
    const [left, right]: unknown[] = [JSON.parse(a), JSON.parse(b)]
    return strictlySame(left, right)
  } catch {
    return false
  }
}

/** In an argument object null is a value. */
function strictlySame(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((value, index) => strictlySame(value, b[index]))
  }
  if (!isObject(a) || !isObject(b)) return false
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && strictlySame(a[key], b[key]))
  )
}
