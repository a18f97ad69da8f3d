import { isObject, type JsonObject, stringAt } from '../../lib/json.ts'
import { GatewayError, invalidField } from '../../turn/errors.ts'
import { asObject, readArray } from '../../turn/read-body.ts'
import { camelKeys } from './spelling.ts'

/** What a part may hold here; every part holds one of them. */
const DATA_KEYS = ['text', 'inlineData', 'functionCall', 'functionResponse', 'fileData'] as const
/** What Google's own tools did, which means nothing to this backend. */
const FOREIGN_KEYS = ['executableCode', 'codeExecutionResult', 'toolCall', 'toolResponse', 'audioTranscription']
const KNOWN_KEYS = new Set<string>([...DATA_KEYS, 'thought', 'thoughtSignature'])

export interface Part {
  readonly part: JsonObject
  readonly path: string
}

/** The parts of a content, in the usual spelling. What has no place here is noted in `dropped`. */
export function partsOf(content: JsonObject, path: string, dropped: Set<string>): Part[] {
  return (readArray(content, 'parts', `${path}.parts`) ?? []).flatMap((value, index) => {
    const place = `${path}.parts[${index}]`
    const part = camelKeys(asObject(value, place))
    for (const [key, member] of Object.entries(part)) {
      if (!KNOWN_KEYS.has(key) && member !== null) dropped.add(`contents.parts.${key}`)
    }
    if (isForeign(part)) return []
    const hasData = DATA_KEYS.some((key) => (part[key] ?? null) !== null)
    if (hasData || part.thought === true || typeof part.thoughtSignature === 'string') return [{ part, path: place }]
    throw invalidField(place, `${place} must hold one of: text, inlineData, functionCall, functionResponse.`)
  })
}

function isForeign(part: JsonObject): boolean {
  return FOREIGN_KEYS.some((key) => isObject(part[key]))
}

export function textOf(part: JsonObject, path: string): string {
  const text = part.text ?? ''
  if (typeof text === 'string') return text
  throw invalidField(`${path}.text`, `${path}.text must be a string.`)
}

/** Text, images and files → input parts. @throws GatewayError with the part's path */
export function toInputParts({ part, path }: Part): JsonObject[] {
  if ((part.fileData ?? null) !== null) {
    throw new GatewayError(
      'unsupported_parameter',
      `${path}.fileData: no files are kept here; send the bytes as inlineData.`,
      { param: `${path}.fileData` },
    )
  }
  if ((part.inlineData ?? null) !== null) return [toDataPart(part, path)]
  const text = textOf(part, path)
  return text === '' ? [] : [{ type: 'input_text', text }]
}

/** `inlineData` of a part, or of a function's response. */
export function toDataPart(part: JsonObject, path: string): JsonObject {
  const place = `${path}.inlineData`
  const blob = camelKeys(asObject(part.inlineData, place))
  const type = stringAt(blob, 'mimeType') ?? ''
  const data = stringAt(blob, 'data') ?? ''
  if (type === '') throw invalidField(`${place}.mimeType`, `${place}.mimeType must be a string that is not empty.`)
  if (data === '') throw invalidField(`${place}.data`, `${place}.data must be base64.`)
  // The backend takes base64 in its usual alphabet only.
  const dataUrl = `data:${type};base64,${data.replaceAll('-', '+').replaceAll('_', '/')}`
  if (type.startsWith('image/')) return { type: 'input_image', image_url: dataUrl }
  if (/^(audio|video)\//.test(type)) {
    throw new GatewayError('unsupported_parameter', `${place}: this backend takes neither sound nor video.`, {
      param: place,
    })
  }
  const extension = type.split('/')[1]?.replace(/\W.*$/, '') ?? 'bin'
  return { type: 'input_file', filename: stringAt(blob, 'displayName') ?? `document.${extension}`, file_data: dataUrl }
}
