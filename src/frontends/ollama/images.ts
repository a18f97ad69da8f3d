import type { JsonObject } from '../../lib/json.ts'
import { invalidField } from '../../turn/errors.ts'
import { readArray } from '../../turn/read-body.ts'

/** How the base64 of a file of each type begins: this API sends images without their type. */
const BEGINNINGS = [
  ['iVBORw0KGgo', 'image/png'],
  ['/9j/', 'image/jpeg'],
  ['R0lGOD', 'image/gif'],
  ['UklGR', 'image/webp'],
] as const

/** `images`: base64 each, or a data URL → input parts. @throws GatewayError with the image's path */
export function readImages(owner: JsonObject, path: string): JsonObject[] {
  return (readArray(owner, 'images', path) ?? []).map((image, index) => {
    const place = `${path}[${index}]`
    if (typeof image !== 'string' || image === '') throw invalidField(place, `${place} must be an image as base64.`)
    return { type: 'input_image', image_url: toDataUrl(image, place) }
  })
}

function toDataUrl(image: string, path: string): string {
  if (/^data:image\/[\w.+-]+;base64,/.test(image)) return image
  const type = BEGINNINGS.find(([beginning]) => image.startsWith(beginning))?.[1]
  if (type !== undefined) return `data:${type};base64,${image}`
  throw invalidField(path, `${path} must be a PNG, JPEG, GIF or WebP image as base64; addresses are not fetched here.`)
}
