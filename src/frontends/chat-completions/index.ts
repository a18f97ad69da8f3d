import type { Frontend } from '../../turn/frontend.ts'
import { parseChatRequest } from './request.ts'
import { toChatCompletion } from './result.ts'
import { ChatEncoder } from './stream.ts'

/** `POST /v1/chat/completions` (connector.md §7, §9). */
export const chatCompletions: Frontend = {
  paths: ['/v1/chat/completions'],
  parse: parseChatRequest,
  encoder: (turn, capabilities) => new ChatEncoder(turn, capabilities),
  result: (response, turn, capabilities) => toChatCompletion(response, turn, capabilities),
}
