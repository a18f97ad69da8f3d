import { type ByteString, sliceBytes } from './byte-string.ts'

/**
 * The raw literal (quotes included) of a top-level string member, without parsing; undefined if the text is unusual
 * and should be parsed.
 *
 * Within a JSON string every quote is escaped, so `"key":"` can only be a member; and with no `{` between the opening
 * brace and it, only a member of the top level.
 */
export function scanStringLiteral(json: ByteString, key: string): ByteString | undefined {
  const marker = `"${key}":"`
  const at = json.indexOf(marker)
  if (at === -1 || isNested(json, at)) return undefined
  const start = at + marker.length
  const end = closingQuote(json, start)
  return end === -1 ? undefined : sliceBytes(json, start - 1, end + 1)
}

/** A top-level non-negative integer member; undefined if the text is unusual and should be parsed. */
export function scanInteger(json: ByteString, key: string): number | undefined {
  const marker = `"${key}":`
  const at = json.indexOf(marker)
  if (at === -1 || isNested(json, at)) return undefined
  const start = at + marker.length
  const end = skipDigits(json, start)
  const follows = json[end]
  return end > start && (follows === ',' || follows === '}') ? Number(json.slice(start, end)) : undefined
}

/** Offset of the first character from here on that is no digit. */
export function skipDigits(text: string, from: number): number {
  let at = from
  for (let code = text.charCodeAt(at); code >= 48 && code <= 57; code = text.charCodeAt(at)) at += 1
  return at
}

/** A member within an array stands in an object of its own, so braces tell all. */
function isNested(json: string, at: number): boolean {
  return json.lastIndexOf('{', at) !== 0
}

/** True if this very text of a member stands at the top level. False says nothing. */
export function hasTopLevel(json: ByteString, member: string): boolean {
  return topLevelAt(json, member) !== -1
}

/** Offset behind this text of a member at the top level; -1 says nothing. */
export function topLevelAt(json: ByteString, member: string): number {
  const at = json.indexOf(member)
  return at === -1 || isNested(json, at) ? -1 : at + member.length
}

/** Offset of the quote that ends a string whose first character is at `from`; -1 if none does. */
export function closingQuote(json: string, from: number): number {
  for (let quote = json.indexOf('"', from); quote !== -1; quote = json.indexOf('"', quote + 1)) {
    let backslashes = 0
    while (json[quote - 1 - backslashes] === '\\') backslashes += 1
    if (backslashes % 2 === 0) return quote
  }
  return -1
}
