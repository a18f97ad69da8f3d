/**
 * Copies captures of the Codex CLI for the tests, without all that the comparison does not look at.
 * Usage: node scripts/scrub-captures.ts SOURCE_DIRECTORY TARGET_DIRECTORY NAME_PREFIX…
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isObject, type JsonObject } from '../src/lib/json.ts'

const KEPT = ['note', 'from', 'method', 'url', 'httpVersion', 'headers', 'body']
const MAX_TOOLS = 2

const [source = '', target = '', ...prefixes] = process.argv.slice(2)
mkdirSync(target, { recursive: true })
const names = readdirSync(source).filter((name) => prefixes.some((prefix) => name.startsWith(`${prefix}-`)))
for (const name of names.sort()) {
  const capture: JsonObject = JSON.parse(readFileSync(join(source, name), 'utf8'))
  writeFileSync(join(target, name), `${JSON.stringify(scrub(capture), undefined, 1)}\n`)
}

function scrub(capture: JsonObject): JsonObject {
  const messages = Array.isArray(capture.websocketMessages) ? capture.websocketMessages.filter(isObject) : []
  const kept = Object.fromEntries(KEPT.map((key) => [key, capture[key]]))
  const scrubbed = { ...kept, body: withFewTools(capture.body) }
  return messages.length === 0 ? scrubbed : { ...scrubbed, websocketMessages: messages.map(scrubMessage) }
}

function scrubMessage({ dir, body, events }: JsonObject): JsonObject {
  if (dir === 'client') return { dir, body: withFewTools(body) }
  const all = Array.isArray(events) ? events.filter(isObject) : []
  return { dir, events: all.filter(({ type }) => type === 'response.output_item.done') }
}

/** Tools make up most of a body, and one is like another. */
function withFewTools(body: unknown): unknown {
  if (!isObject(body)) return body
  const shortened = Object.entries(body).map(([key, value]) => {
    if (key === 'input' && Array.isArray(value)) return [key, value.map(withFewTools)]
    if (key !== 'tools' || !Array.isArray(value)) return [key, value]
    return [key, value.slice(0, MAX_TOOLS).map(withFewTools)]
  })
  return Object.fromEntries(shortened)
}
