import { isObject, type JsonObject, stringAt } from '../../lib/json.ts'
import { GatewayError, invalidField } from '../../turn/errors.ts'
import { asObject } from '../../turn/read-body.ts'
import type { RemoteImage } from '../../turn/turn.ts'

/** A message's content → input parts; empty texts are left out (connector.md §7.3). */
export function readContent(content: unknown, path: string, remoteImages: RemoteImage[]): JsonObject[] {
  if (content === null || content === undefined || content === '') return []
  if (typeof content === 'string') return [{ type: 'input_text', text: content }]
  if (!Array.isArray(content))
    throw invalidField(`${path}.content`, `${path}.content must be a string or a list of parts.`)
  return content.flatMap((value, index) => readPart(value, `${path}.content[${index}]`, remoteImages))
}

/** All text of a tool's output, for places that take nothing else. */
export function textOf(output: string | readonly JsonObject[]): string {
  if (typeof output === 'string') return output
  return output.flatMap((part) => stringAt(part, 'text') ?? []).join('\n')
}

function readPart(value: unknown, path: string, remoteImages: RemoteImage[]): JsonObject[] {
  if (typeof value === 'string') return value === '' ? [] : [{ type: 'input_text', text: value }]
  const part = asObject(value, path)
  switch (part.type) {
    case 'text':
    case 'input_text': {
      const text = stringAt(part, 'text')
      if (text === undefined) throw invalidField(`${path}.text`, `${path}.text must be a string.`)
      return text === '' ? [] : [{ type: 'input_text', text }]
    }
    case 'image_url':
    case 'input_image':
      return [readImage(part, path, remoteImages)]
    case 'file':
    case 'input_file':
      return [readFile(part, path)]
    case 'input_audio':
      throw new GatewayError('unsupported_parameter', 'This backend takes no audio input.', { param: path })
    default:
      throw invalidField(`${path}.type`, `${path}.type must be one of: text, image_url, file.`)
  }
}

function readImage(part: JsonObject, path: string, remoteImages: RemoteImage[]): JsonObject {
  const source = part.image_url
  const url = isObject(source) ? stringAt(source, 'url') : source
  if (typeof url !== 'string') throw invalidField(`${path}.image_url`, `${path}.image_url must hold a URL.`)
  const detail = isObject(source) ? source.detail : part.detail
  const image: JsonObject = { type: 'input_image', image_url: url }
  if (typeof detail === 'string') image.detail = detail
  if (!url.startsWith('data:')) remoteImages.push({ path: `${path}.image_url`, part: image })
  return image
}

function readFile(part: JsonObject, path: string): JsonObject {
  const source = part.type === 'file' ? asObject(part.file, `${path}.file`) : part
  const file: JsonObject = { type: 'input_file' }
  for (const key of ['filename', 'file_data', 'file_id', 'file_url'])
    if (typeof source[key] === 'string') file[key] = source[key]
  return file
}
