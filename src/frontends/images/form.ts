import type { JsonObject } from '../../lib/json.ts'
import { invalidField } from '../../turn/errors.ts'

/** A field's files or texts, in their order; `image[]` goes by `image`. */
export type FormFields = ReadonlyMap<string, readonly (string | FormFile)[]>

export interface FormFile {
  /** Media type, as the client named it; may be ''. */
  readonly type: string
  readonly bytes: Buffer
}

const NUMBERS = new Set(['n', 'partial_images', 'output_compression'])
const IMAGES = new Set(['image', 'images', 'mask'])

/** A multipart form → the JSON form of the same request, files as data URLs. @throws GatewayError with the field's path */
export function toJsonForm(fields: FormFields): JsonObject {
  const body: JsonObject = {}
  for (const [name, values] of fields) {
    if (IMAGES.has(name)) {
      const urls = values.map((value, index) => toUrl(value, values.length > 1 ? `${name}[${index}]` : name))
      body[name] = name === 'mask' || urls.length === 1 ? urls.at(-1) : urls
      continue
    }
    const value = values.at(-1)
    if (typeof value !== 'string') throw invalidField(name, `${name} must be no file.`)
    body[name] = toValue(name, value)
  }
  return body
}

/** A form has texts only; what is none of the type is left to be refused under its name. */
function toValue(name: string, text: string): unknown {
  if (NUMBERS.has(name) && /^\d+$/.test(text)) return Number(text)
  if (name === 'stream' && (text === 'true' || text === 'false')) return text === 'true'
  return text
}

function toUrl(value: string | FormFile, path: string): string {
  if (typeof value === 'string') return value
  const type = /^image\/[\w.+-]+$/.test(value.type) ? value.type : typeOf(value.bytes)
  if (type === undefined || value.bytes.length === 0)
    throw invalidField(path, `${path} must be a PNG, JPEG, WebP or GIF image.`)
  return `data:${type};base64,${value.bytes.toString('base64')}`
}

/** Clients often send a file without its type. */
function typeOf(bytes: Buffer): string | undefined {
  const head = bytes.toString('latin1', 0, 12)
  if (head.startsWith('\x89PNG')) return 'image/png'
  if (head.startsWith('\xff\xd8\xff')) return 'image/jpeg'
  if (head.startsWith('GIF8')) return 'image/gif'
  return head.startsWith('RIFF') && head.endsWith('WEBP') ? 'image/webp' : undefined
}
