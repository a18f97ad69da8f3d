import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { arrayAt, isObject, type JsonObject, objectAt, parseJsonObject, stringAt } from '../lib/json.ts'

/** A turn as the Codex CLI was seen to send it with a ChatGPT sign-in. */
export interface Capture {
  /** File name without its ending, e.g. `03-responses-http-lite-first`. */
  readonly name: string
  /** What was captured, in the file's own words: CLI version and machine. */
  readonly source: string
  readonly url: string
  /** In wire order, without what frames the request: HTTP/2 pseudo-headers and lengths. */
  readonly headers: readonly (readonly [string, string])[]
  /** Of a POST. */
  readonly body: JsonObject | undefined
  /** Of a WebSocket. */
  readonly messages: readonly CapturedMessage[]
}

export interface CapturedMessage {
  readonly body: JsonObject
  /** Items it leaves out because the connection knows them. */
  readonly known: readonly JsonObject[]
}

const TURN_URL = /^https:\/\/chatgpt\.com\/backend-api\/codex\/responses$/
export const METADATA_HEADER = 'x-codex-turn-metadata'
const FRAMING = /^(?::.*|content-length|host|connection|upgrade|sec-websocket-(?!extensions).*)$/i

/**
 * All captures of turns in a directory, in the order of their names.
 * @throws Error if the directory cannot be read or holds no such capture
 */
export function readCaptures(directory: string): Capture[] {
  const names = readdirSync(directory).filter((name) => name.endsWith('.json'))
  const captures = names.sort().flatMap((name) => {
    const content = parseJsonObject(readFileSync(join(directory, name), 'utf8'))
    return content === undefined ? [] : (toCapture(name.replace(/\.json$/, ''), content) ?? [])
  })
  if (captures.length === 0) throw new Error(`${directory}: no capture of a turn is there.`)
  return captures
}

function toCapture(name: string, content: JsonObject): Capture | undefined {
  const url = stringAt(content, 'url') ?? ''
  if (!TURN_URL.test(url)) return undefined
  const body = isObject(content.body) ? content.body : undefined
  const messages = toMessages((arrayAt(content, 'websocketMessages') ?? []).filter(isObject))
  if (body === undefined && messages.length === 0) return undefined
  return { name, source: stringAt(content, 'from') ?? '', url, headers: toHeaders(content), body, messages }
}

function toHeaders(content: JsonObject): [string, string][] {
  return (arrayAt(content, 'headers') ?? []).flatMap((pair): [string, string][] => {
    const [name, value] = Array.isArray(pair) ? pair : []
    return typeof name === 'string' && typeof value === 'string' && !FRAMING.test(name)
      ? [[name.toLowerCase(), value]]
      : []
  })
}

function toMessages(entries: readonly JsonObject[]): CapturedMessage[] {
  const messages: CapturedMessage[] = []
  let known: JsonObject[] = []
  for (const entry of entries) {
    if (entry.dir !== 'client') known = [...known, ...outputOf(entry)]
    else if (isObject(entry.body)) {
      const { body } = entry
      const isContinued = typeof body.previous_response_id === 'string'
      messages.push({ body, known: isContinued ? known : [] })
      known = [...(isContinued ? known : []), ...(arrayAt(body, 'input') ?? []).filter(isObject)]
    }
  }
  return messages
}

/** Members of a body's turn metadata, which says what kind of turn it is. */
export function metadataOf(body: JsonObject): JsonObject {
  const metadata = objectAt(body, 'client_metadata') ?? {}
  return parseJsonObject(stringAt(metadata, METADATA_HEADER) ?? '') ?? {}
}

function outputOf(entry: JsonObject): JsonObject[] {
  const events = (arrayAt(entry, 'events') ?? []).filter(isObject)
  return events.flatMap(({ type, item }) => (type === 'response.output_item.done' && isObject(item) ? [item] : []))
}
