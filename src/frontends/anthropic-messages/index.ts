import type { Frontend } from '../../turn/frontend.ts'
import { messagesErrors } from './error.ts'
import { parseMessagesRequest } from './request.ts'
import { toMessage } from './result.ts'
import { MessagesEncoder } from './stream.ts'

/** Anthropic's `POST /v1/messages`, for agents and SDKs that speak nothing else. */
export const anthropicMessages: Frontend = {
  paths: ['/v1/messages', '/anthropic/v1/messages'],
  errors: messagesErrors,
  parse: parseMessagesRequest,
  encoder: (turn, capabilities) => new MessagesEncoder(turn, capabilities),
  result: toMessage,
}
