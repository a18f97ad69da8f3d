import type { JsonObject } from '../../lib/json.ts'
import type { Frontend } from '../../turn/frontend.ts'
import { parseCreateMessage } from './create-message.ts'
import { errorMessage, headMessage, ResponsesMessageEncoder, toWarmUp } from './messages.ts'
import { parseResponsesRequest } from './request.ts'
import { ResponsesEncoder } from './stream.ts'

/** `POST /v1/responses`, and the same over WebSocket (connector.md §8). */
export const responses: Frontend = {
  // The second is the backend's own: for a Codex client that takes this gateway for it.
  paths: ['/v1/responses', '/backend-api/codex/responses'],
  parse: parseResponsesRequest,
  encoder: (turn) => new ResponsesEncoder(turn),
  // The backend's own object, passed on whole.
  result: (response) => response as unknown as JsonObject,
  socket: {
    parse: parseCreateMessage,
    encoder: (turn) => new ResponsesMessageEncoder(turn),
    warmUp: toWarmUp,
    error: errorMessage,
    head: headMessage,
  },
}
