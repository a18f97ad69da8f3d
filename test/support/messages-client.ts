import Anthropic from '@anthropic-ai/sdk'
import type { Running } from './gateway.ts'

/** The official client of the Messages protocol, pointed at the gateway. */
export function messagesClient({ url }: Pick<Running, 'url'>, path = ''): Anthropic {
  return new Anthropic({ baseURL: url + path, apiKey: 'unused', maxRetries: 0 })
}
