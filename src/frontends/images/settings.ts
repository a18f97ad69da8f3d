import type { JsonObject } from '../../lib/json.ts'
import { GatewayError, invalidField } from '../../turn/errors.ts'
import { readString } from '../../turn/read-body.ts'

/** The backend's one image model (upstream.md §4). */
export const IMAGE_MODEL = 'gpt-image-2'

const SIZES: Readonly<Record<string, string>> = {
  auto: 'auto',
  '1024x1024': '1024x1024',
  '1536x1024': '1536x1024',
  '1024x1536': '1024x1536',
  // Of earlier models: the nearest there is.
  '256x256': '1024x1024',
  '512x512': '1024x1024',
  '1792x1024': '1536x1024',
  '1024x1792': '1024x1536',
}
const QUALITIES: Readonly<Record<string, string>> = {
  auto: 'auto',
  low: 'low',
  medium: 'medium',
  high: 'high',
  // Of other models.
  standard: 'medium',
  hd: 'high',
  xhigh: 'high',
  max: 'high',
}
const BACKGROUNDS = ['auto', 'opaque', 'transparent']
const FORMATS = ['png', 'jpeg', 'webp']
const OTHER_MODELS = /^(?:gpt-image-|chatgpt-image-|dall-e-)/

export interface ImageSettings {
  readonly size: string
  readonly quality: string
  readonly background: string
  readonly format: string
  /** Percent. */
  readonly compression: number | undefined
  /** `name=value` of what a rule changed. */
  readonly adjusted: readonly string[]
}

/** How the image is to be. @throws GatewayError with the field's path */
export function readSettings(fields: JsonObject, model: string): ImageSettings {
  const size = readString(fields, 'size') ?? 'auto'
  if (!/^(?:auto|\d+x\d+)$/.test(size)) throw invalidField('size', 'size must be "auto" or like "1024x1024".')
  const quality = oneOf(fields, 'quality', Object.keys(QUALITIES)) ?? 'auto'
  const format = oneOf(fields, 'output_format', FORMATS) ?? 'png'
  const settings = {
    size: Object.hasOwn(SIZES, size) ? (SIZES[size] ?? 'auto') : 'auto',
    quality: QUALITIES[quality] ?? 'auto',
    // What the Codex CLI asks for (capture [63]).
    background: oneOf(fields, 'background', BACKGROUNDS) ?? 'opaque',
    format,
    compression: readNumber(fields, 'output_compression', 0, 100),
  }
  return {
    ...settings,
    adjusted: [
      ...(checkModel(model) === model ? [] : [`model=${IMAGE_MODEL}`]),
      ...(settings.size === size ? [] : [`size=${settings.size}`]),
      ...(settings.quality === quality ? [] : [`quality=${settings.quality}`]),
    ],
  }
}

/** @throws GatewayError if it is no integer between the two */
export function readNumber(fields: JsonObject, name: string, min: number, max: number): number | undefined {
  const value = fields[name] ?? undefined
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value
  throw invalidField(name, `${name} must be an integer from ${min} to ${max}.`)
}

/** @throws GatewayError if it is none of the values */
export function oneOf(fields: JsonObject, name: string, values: readonly string[]): string | undefined {
  const value = readString(fields, name)
  if (value === undefined || values.includes(value)) return value
  throw invalidField(name, `${name} must be one of: ${values.join(', ')}.`)
}

/** Image models of the official API stand for the one there is. */
function checkModel(model: string): string {
  if (OTHER_MODELS.test(model)) return IMAGE_MODEL
  throw new GatewayError(
    'model_not_found',
    `Images are made by "${IMAGE_MODEL}"; "${model.slice(0, 100)}" is no image model.`,
    {
      param: 'model',
    },
  )
}
