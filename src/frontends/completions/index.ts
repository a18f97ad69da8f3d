import type { Frontend } from '../../turn/frontend.ts'
import { parseCompletionRequest } from './request.ts'
import { toCompletion } from './result.ts'
import { CompletionEncoder } from './stream.ts'

/** `POST /v1/completions`, for clients of the time before chat. */
export const completions: Frontend = {
  paths: ['/v1/completions'],
  parse: parseCompletionRequest,
  encoder: (turn) => new CompletionEncoder(turn),
  result: (response, turn) => toCompletion(response, turn),
}
