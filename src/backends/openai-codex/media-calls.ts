import { uuidv7 } from '../../lib/ids.ts'
import { type JsonObject, stringAt } from '../../lib/json.ts'
import { toImagesUrl, toTranscribeUrl } from './backend-urls.ts'
import { type Posted, type PostOptions, postCall } from './post-call.ts'

/** What the backend does besides turns with images and sound. */
export interface MediaCalls {
  /** `POST <base>/images/<kind>` (upstream.md §4, backend-facts.md §1). @throws GatewayError */
  images(kind: 'generations' | 'edits', body: JsonObject, signal: AbortSignal): Promise<Posted>
  /** `POST …/transcribe` (backend-facts.md §1: third-party knowledge, never observed). @throws GatewayError */
  transcribe(form: FormData, signal: AbortSignal): Promise<Posted>
}

export function createMediaCalls(options: PostOptions): MediaCalls {
  return {
    images: (kind, body, signal) => {
      const post = {
        url: toImagesUrl(options.baseUrl, kind),
        body: JSON.stringify(body),
        contentType: 'application/json',
        imageTurnId: uuidv7(),
        endpoint: 'images',
        slug: stringAt(body, 'model') ?? '',
      } as const
      return postCall(options, post, signal)
    },
    transcribe: async (form, signal) => {
      const packed = new Response(form)
      const post = {
        url: toTranscribeUrl(options.baseUrl),
        body: Buffer.from(await packed.arrayBuffer()),
        contentType: packed.headers.get('content-type') ?? 'multipart/form-data',
        endpoint: 'images',
        slug: '',
      } as const
      return await postCall(options, post, signal)
    },
  }
}
