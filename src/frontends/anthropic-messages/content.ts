import { arrayAt, isObject, type JsonObject, stringAt, wordOf } from '../../lib/json.ts'
import { GatewayError, invalidField } from '../../turn/errors.ts'
import { asObject, readString } from '../../turn/read-body.ts'
import type { RemoteImage } from '../../turn/turn.ts'

/** What reading blocks brings to light besides the parts. */
export interface Notes {
  readonly remoteImages: RemoteImage[]
  /** Paths of what has no place in the backend's form, e.g. `messages.content.citations`. */
  readonly dropped: Set<string>
  /** Tools that a `tool_reference` brings into play. */
  readonly loadedTools: Set<string>
}

/**
 * Content of a user message or a tool result → input parts; empty texts are left out.
 * @throws GatewayError with the block's path
 */
export function readParts(content: unknown, path: string, notes: Notes): JsonObject[] {
  if (content === null || content === undefined) return []
  if (typeof content === 'string') return toText(content)
  if (!Array.isArray(content)) throw invalidField(path, `${path} must be a string or a list of content blocks.`)
  return content.flatMap((value, index) => readPart(asObject(value, `${path}[${index}]`), `${path}[${index}]`, notes))
}

export function readPart(block: JsonObject, path: string, notes: Notes): JsonObject[] {
  switch (block.type) {
    case 'text':
      return toText(readText(block, path))
    case 'image':
      return [readImage(block, path, notes)]
    case 'document':
      return readDocument(block, path, notes)
    case 'search_result':
      return readSearchResult(block, path, notes)
    case 'tool_reference':
      return readToolReference(block, path, notes)
    default:
      throw invalidField(
        `${path}.type`,
        `${path}.type: "${wordOf(block.type).slice(0, 60)}" is not possible here. Use one of: text, image, document, search_result, tool_result, tool_reference.`,
      )
  }
}

export function readText(block: JsonObject, path: string): string {
  const text = stringAt(block, 'text')
  if (text === undefined) throw invalidField(`${path}.text`, `${path}.text must be a string.`)
  return text
}

function toText(text: string): JsonObject[] {
  return text === '' ? [] : [{ type: 'input_text', text }]
}

function readImage(block: JsonObject, path: string, notes: Notes): JsonObject {
  const source = asObject(block.source, `${path}.source`)
  if (source.type === 'base64') return { type: 'input_image', image_url: toDataUrl(source, `${path}.source`) }
  if (source.type !== 'url') throw impossibleSource(source, `${path}.source`, 'base64 or url')
  const url = readRequired(source, 'url', `${path}.source.url`)
  const part: JsonObject = { type: 'input_image', image_url: url }
  if (!url.startsWith('data:')) notes.remoteImages.push({ path: `${path}.source.url`, part })
  return part
}

function readDocument(block: JsonObject, path: string, notes: Notes): JsonObject[] {
  noteCitations(block, notes)
  const title = readString(block, 'title', `${path}.title`)
  const context = readString(block, 'context', `${path}.context`)
  const about = [title, context].filter((text) => text !== undefined && text !== '').join('\n')
  return [...toText(about), ...readDocumentSource(block, path, notes)]
}

function readDocumentSource(block: JsonObject, path: string, notes: Notes): JsonObject[] {
  const source = asObject(block.source, `${path}.source`)
  switch (source.type) {
    case 'base64': {
      const filename = stringAt(block, 'title') ?? 'document.pdf'
      return [{ type: 'input_file', filename, file_data: toDataUrl(source, `${path}.source`) }]
    }
    case 'text':
      return toText(readRequired(source, 'data', `${path}.source.data`))
    case 'content':
      return readParts(textsAndImages(source.content, `${path}.source.content`), `${path}.source.content`, notes)
    case 'url':
      return [{ type: 'input_file', file_url: readRequired(source, 'url', `${path}.source.url`) }]
    default:
      throw impossibleSource(source, `${path}.source`, 'base64, text, content or url')
  }
}

/** Documents do not nest. */
function textsAndImages(content: unknown, path: string): unknown {
  if (!Array.isArray(content)) return content
  for (const [index, block] of content.entries()) {
    if (isObject(block) && (block.type === 'text' || block.type === 'image')) continue
    throw invalidField(`${path}[${index}].type`, `${path}[${index}].type must be text or image within a document.`)
  }
  return content
}

function readSearchResult(block: JsonObject, path: string, notes: Notes): JsonObject[] {
  noteCitations(block, notes)
  const head = [readString(block, 'title', `${path}.title`), readString(block, 'source', `${path}.source`)]
  const texts = (arrayAt(block, 'content') ?? []).map((value, index) =>
    readText(asObject(value, `${path}.content[${index}]`), `${path}.content[${index}]`),
  )
  return toText([...head, ...texts].filter((text) => text !== undefined && text !== '').join('\n'))
}

/** The tool joins the request's tools; the model learns here that it did. */
function readToolReference(block: JsonObject, path: string, { loadedTools }: Notes): JsonObject[] {
  const name = readRequired(block, 'tool_name', `${path}.tool_name`)
  loadedTools.add(name)
  return toText(`The tool "${name}" is available now.`)
}

function noteCitations({ citations }: JsonObject, { dropped }: Notes): void {
  if (isObject(citations) && citations.enabled === true) dropped.add('messages.content.citations')
}

function toDataUrl(source: JsonObject, path: string): string {
  const mediaType = readRequired(source, 'media_type', `${path}.media_type`)
  return `data:${mediaType};base64,${readRequired(source, 'data', `${path}.data`)}`
}

function readRequired(object: JsonObject, key: string, path: string): string {
  const value = stringAt(object, key) ?? ''
  if (value === '') throw invalidField(path, `${path} must be a string that is not empty.`)
  return value
}

function impossibleSource(source: JsonObject, path: string, allowed: string): GatewayError {
  if (source.type === 'file') {
    return new GatewayError('unsupported_parameter', `${path}: no files are kept here; send the bytes as base64.`, {
      param: path,
    })
  }
  return invalidField(`${path}.type`, `${path}.type must be ${allowed}.`)
}
