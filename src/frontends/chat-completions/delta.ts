import { jsonBytes } from '../../lib/byte-string.ts'
import { numberAt, stringAt } from '../../lib/json.ts'
import { scanInteger, scanStringLiteral } from '../../lib/json-scan.ts'
import type { TurnEvent } from '../../turn/events.ts'

/** The event's `delta` as a JSON string literal, taken from its bytes where they have the usual form. */
export function deltaLiteral(event: TurnEvent): string {
  return scanStringLiteral(event.json, 'delta') ?? jsonBytes(stringAt(event.fields, 'delta') ?? '')
}

export function outputIndex(event: TurnEvent): number {
  return scanInteger(event.json, 'output_index') ?? numberAt(event.fields, 'output_index') ?? -1
}

/** The end of the text that the deltas did not bring. @param sent raw JSON text without quotes */
export function missing(full: string, sent: string | undefined): string {
  if (sent === undefined || sent === '') return full
  if (full === '') return ''
  const text: string = JSON.parse(`"${Buffer.from(sent, 'latin1').toString('utf8')}"`)
  return full.startsWith(text) ? full.slice(text.length) : ''
}
