import { setImmediate } from 'node:timers/promises'
import { arrayAt, isObject, type JsonObject, stringAt } from '../lib/json.ts'
import { toJsonText } from './json-text.ts'
import type { CountTokens } from './token-counter.ts'

/** What an item or tool costs besides its text. Guesses, as are the following figures: the backend tells none. */
const ITEM_TOKENS = 4
const IMAGE_TOKENS = 1000
const FILE_BYTES_PER_TOKEN = 40
const SEALED_CHARACTERS_PER_TOKEN = 6
/** Counted at one go; others get the event loop in between. */
const PIECE_CHARACTERS = 32_768

/**
 * Estimates the tokens of a request in the form it is sent in: o200k tokens of its texts, flat figures for the rest.
 * @param body `instructions`, `input`, `tools` and `text.format` are looked at
 * @throws GatewayError 400 for values nested too deeply
 */
export async function countInput(body: JsonObject, count: CountTokens): Promise<number> {
  const tally = new Tally()
  tally.text(stringAt(body, 'instructions') ?? '')
  for (const tool of arrayAt(body, 'tools') ?? []) tally.value(tool, 'tools')
  for (const item of (arrayAt(body, 'input') ?? []).filter(isObject)) tally.item(item)
  const format = isObject(body.text) ? body.text.format : undefined
  if (format !== undefined) tally.value(format, 'text.format')
  return tally.flat + (await countPieces(tally.texts, count))
}

class Tally {
  readonly texts: string[] = []
  flat = 0

  text(text: string): void {
    if (text !== '') this.texts.push(text)
  }

  value(value: unknown, path: string): void {
    this.flat += ITEM_TOKENS
    this.text(toJsonText(value, path))
  }

  item(item: JsonObject): void {
    this.flat += ITEM_TOKENS
    for (const key of ['name', 'arguments', 'input']) this.text(stringAt(item, key) ?? '')
    this.flat += Math.ceil((stringAt(item, 'encrypted_content') ?? '').length / SEALED_CHARACTERS_PER_TOKEN)
    for (const tool of arrayAt(item, 'tools') ?? []) this.value(tool, 'tools')
    for (const key of ['content', 'output']) this.#content(item[key])
  }

  #content(content: unknown): void {
    if (typeof content === 'string') this.text(content)
    if (!Array.isArray(content)) return
    for (const part of content.filter(isObject)) {
      if (part.type === 'input_image') this.flat += IMAGE_TOKENS
      else if (part.type === 'input_file') this.flat += fileTokens(part)
      else this.text(stringAt(part, 'text') ?? stringAt(part, 'refusal') ?? '')
    }
  }
}

function fileTokens(part: JsonObject): number {
  const bytes = ((stringAt(part, 'file_data') ?? '').length * 3) / 4
  return Math.ceil(bytes / FILE_BYTES_PER_TOKEN)
}

async function countPieces(texts: readonly string[], count: CountTokens): Promise<number> {
  let total = 0
  let since = 0
  for (const text of texts) {
    for (let at = 0; at < text.length; at += PIECE_CHARACTERS) {
      const piece = text.slice(at, at + PIECE_CHARACTERS)
      total += count(piece)
      since += piece.length
      if (since < PIECE_CHARACTERS) continue
      since = 0
      await setImmediate()
    }
  }
  return total
}
