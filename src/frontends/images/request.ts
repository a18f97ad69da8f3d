import { isObject, type JsonObject, stringAt } from '../../lib/json.ts'
import type { CapabilityLayer } from '../../turn/capabilities.ts'
import { type ClientBody, readClientBody } from '../../turn/client-body.ts'
import { GatewayError, invalidField } from '../../turn/errors.ts'
import { isNoOp } from '../../turn/no-op-params.ts'
import { readString } from '../../turn/read-body.ts'
import type { ClientRequest, InputItem, RemoteImage, Turn } from '../../turn/turn.ts'
import { isHandled } from './fields.ts'
import { IMAGE_MODEL, type ImageSettings, oneOf, readNumber, readSettings } from './settings.ts'

export type ImageKind = 'generations' | 'edits'

/** One call of the backend's image endpoints. */
export interface ImageCall {
  /** The backend's own form (upstream.md §4, backend-facts.md §1). */
  readonly body: JsonObject
  /** Parts of `body` that point at images elsewhere. */
  readonly remoteImages: readonly RemoteImage[]
  /** `response_format: "url"`. */
  readonly wantsUrl: boolean
  readonly format: string
  readonly capabilities: CapabilityLayer
  readonly dropped: readonly string[]
  readonly adjusted: readonly string[]
}

/** Hosted tools go with the classic shape only, and with this model (backend-facts.md §5, §6). */
const HOST_MODEL = 'gpt-5.5'
const MAX_IMAGES = 16
const MAX_PARTIAL_IMAGES = 3

/** @throws GatewayError with the field's path */
export function parseImageCall(body: JsonObject, request: ClientRequest, kind: ImageKind): ImageCall {
  const { fields, settings, prompt, images, mask, dropped, ...common } = readRequest(body, request, kind)
  const { format, compression, background, quality, size, adjusted } = settings
  return {
    body: {
      ...(images.length === 0 ? {} : { images }),
      ...(mask === undefined ? {} : { mask }),
      prompt,
      background,
      model: IMAGE_MODEL,
      quality,
      size,
      ...(format === 'png' ? {} : { output_format: format }),
      ...(compression === undefined ? {} : { output_compression: compression }),
    },
    remoteImages: toRemoteImages(images, mask),
    wantsUrl: oneOf(fields, 'response_format', ['b64_json', 'url']) === 'url',
    format,
    capabilities: common.capabilities,
    dropped,
    adjusted,
  }
}

/**
 * The same as a turn with the hosted tool, for streams: the image endpoints answer whole.
 * @throws GatewayError with the field's path
 */
export function parseImageTurn(body: JsonObject, request: ClientRequest, kind: ImageKind): Turn {
  const { fields, settings, prompt, images, mask, dropped, capabilities, ...common } = readRequest(body, request, kind)
  if (oneOf(fields, 'response_format', ['b64_json', 'url']) === 'url') {
    throw new GatewayError('unsupported_parameter', 'A stream carries b64_json only.', { param: 'response_format' })
  }
  return {
    ...common,
    model: HOST_MODEL,
    // What a profile says of tools is about a client's own.
    capabilities: { ...capabilities, tool_schema_mode: 'custom_only' },
    endpoint: 'images',
    body: {
      input: [toUserMessage(prompt, images)],
      tools: [toTool(settings, mask, readNumber(fields, 'partial_images', 0, MAX_PARTIAL_IMAGES))],
      tool_choice: { type: 'image_generation' },
    },
    stop: [],
    maxOutputTokens: undefined,
    includeUsage: false,
    legacyFunctions: false,
    customTools: new Set(),
    extras: {},
    dropped,
    adjusted: settings.adjusted,
    store: false,
    previousResponseId: undefined,
    remoteImages: toRemoteImages(images, mask),
  }
}

interface ImageRequest extends ClientBody {
  readonly settings: ImageSettings
  readonly prompt: string
  readonly images: readonly JsonObject[]
  readonly mask: JsonObject | undefined
  readonly dropped: readonly string[]
}

function readRequest(body: JsonObject, request: ClientRequest, kind: ImageKind): ImageRequest {
  const common = readClientBody({ ...body, model: body.model ?? IMAGE_MODEL }, request)
  const { fields, model } = common
  if (!isNoOp('n', fields.n)) {
    throw new GatewayError(
      'unsupported_parameter',
      'This backend makes one image a request; send n requests instead.',
      {
        param: 'n',
      },
    )
  }
  const prompt = readString(fields, 'prompt')
  if (prompt === undefined || prompt === '') throw invalidField('prompt', 'prompt must be a text that is not empty.')
  const isEdit = kind === 'edits'
  const images = isEdit ? readImages(fields) : []
  const mask = isEdit && (fields.mask ?? undefined) !== undefined ? readImage(fields.mask, 'mask') : undefined
  const isUnused = (name: string) =>
    !isHandled(name) || (!isEdit && EDITS_ONLY.has(name)) || (name === 'partial_images' && !common.stream)
  const dropped = Object.entries(fields).filter(
    ([name, value]) => isUnused(name) && !isNoOp(name, value) && !(name === 'moderation' && value === 'auto'),
  )
  return {
    ...common,
    settings: readSettings(fields, model),
    prompt,
    images,
    mask,
    dropped: dropped.map(([name]) => name),
  }
}

const EDITS_ONLY = new Set(['image', 'images', 'mask'])

/** `images: [{image_url}]`, or `image` as a text or several. */
function readImages({ image, images }: JsonObject): JsonObject[] {
  const [given, name] = (images ?? undefined) === undefined ? [image, 'image'] : [images, 'images']
  const list: unknown[] = Array.isArray(given) ? given : (given ?? undefined) === undefined ? [] : [given]
  if (list.length === 0)
    throw invalidField(name, 'An edit needs an image: a file, or images: [{"image_url": "data:…"}].')
  if (list.length > MAX_IMAGES) throw invalidField(name, `${name} may hold at most ${MAX_IMAGES} images.`)
  return list.map((entry, index) => readImage(entry, Array.isArray(given) ? `${name}[${index}]` : name))
}

function readImage(value: unknown, path: string): JsonObject {
  const url = isObject(value) ? stringAt(value, 'image_url') : value
  if (typeof url === 'string' && url !== '') return { image_url: url }
  if (isObject(value) && value.file_id !== undefined) {
    throw new GatewayError('unsupported_parameter', 'This backend knows no uploaded files; send the image itself.', {
      param: `${path}.file_id`,
    })
  }
  throw invalidField(path, `${path} must be a data: or https: URL, an object with an image_url, or a file.`)
}

function toRemoteImages(images: readonly JsonObject[], mask: JsonObject | undefined): RemoteImage[] {
  const parts = images.map((part, index) => ({ path: `images[${index}].image_url`, part }))
  return mask === undefined ? parts : [...parts, { path: 'mask.image_url', part: mask }]
}

/** The image step fills the very objects that `images` holds, which hence become the parts. */
function toUserMessage(text: string, images: readonly JsonObject[]): InputItem {
  const parts = images.map((image) => Object.assign(image, { type: 'input_image' }))
  return { type: 'message', role: 'user', content: [...parts, { type: 'input_text', text }] }
}

function toTool(settings: ImageSettings, mask: JsonObject | undefined, partialImages: number | undefined): JsonObject {
  const { size, quality, background, format, compression } = settings
  return {
    type: 'image_generation',
    size,
    quality,
    background,
    output_format: format,
    ...(compression === undefined ? {} : { output_compression: compression }),
    ...(mask === undefined ? {} : { input_image_mask: mask }),
    ...(partialImages === undefined ? {} : { partial_images: partialImages }),
  }
}
