import { GatewayError } from '../../turn/errors.ts'
import type { Frontend } from '../../turn/frontend.ts'
import { type ImageKind, parseImageTurn } from './request.ts'
import { ImageEncoder } from './stream.ts'

/** `POST /v1/images/generations` and `/v1/images/edits`, streamed; whole images are no turns (`parseImageCall`). */
export function imageStreams(kind: ImageKind): Frontend {
  return {
    paths: [`/v1/images/${kind}`],
    parse: (body, request) => parseImageTurn(body, request, kind),
    encoder: () => new ImageEncoder(kind),
    result: () => {
      throw new GatewayError('internal_error', 'An image turn is always streamed.')
    },
  }
}
