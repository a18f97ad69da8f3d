import { arrayAt, isObject, type JsonObject, numberAt, stringAt } from '../../lib/json.ts'
import { GatewayError } from '../../turn/errors.ts'
import type { ImageCall } from './request.ts'

const KEPT = ['background', 'output_format', 'quality', 'size', 'usage']

/** The backend's answer in the official form; what it does not say is not made up. @throws GatewayError if it holds no image */
export function toImages(
  answer: JsonObject,
  { wantsUrl, format }: ImageCall,
  nowSeconds = Math.floor(Date.now() / 1000),
): JsonObject {
  const data = (arrayAt(answer, 'data') ?? []).filter(isObject).flatMap((image) => {
    const base64 = stringAt(image, 'b64_json')
    if (base64 === undefined) return []
    const revised = stringAt(image, 'revised_prompt')
    return [
      {
        ...(wantsUrl ? { url: `data:image/${format};base64,${base64}` } : { b64_json: base64 }),
        ...(revised === undefined ? {} : { revised_prompt: revised }),
      },
    ]
  })
  if (data.length === 0) throw noImage('')
  const kept = KEPT.flatMap((name) =>
    (answer[name] ?? undefined) === undefined ? [] : [[name, answer[name]] as const],
  )
  return { created: numberAt(answer, 'created') ?? nowSeconds, data, ...Object.fromEntries(kept) }
}

/** @param said what the model answered instead */
export function noImage(said: string): GatewayError {
  const words = said === '' ? '' : ` It said: ${JSON.stringify(said.slice(0, 500))}.`
  return new GatewayError(
    'image_not_made',
    `The backend made no image.${words} Free plans of ChatGPT have no image generation, which the backend then leaves out without a word; Plus and higher plans have it.`,
  )
}
