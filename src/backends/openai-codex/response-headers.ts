import { maskSecrets } from '../../lib/redact.ts'
import { fromHeaders, toRateLimitHeaders } from './rate-limits.ts'

type Headers = Readonly<Record<string, string>>

/** The backend's answer headers a client may see (connector.md §12.1); everything else stays here. */
export function toClientHeaders(headers: Headers, slug: string): Record<string, string> {
  const kept = toErrorHeaders(headers)
  // Another name here makes the Codex CLI tell its user that the model was rerouted.
  if (headers['openai-model'] === slug) kept['openai-model'] = slug
  return kept
}

/** The part of them that helps with an error as well: limits and the backend's request id. */
export function toErrorHeaders(headers: Headers): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const name in headers) {
    const value = headers[name] ?? ''
    if (name.startsWith('x-codex-') && value !== '') kept[name] = maskSecrets(value)
  }
  const requestId = [headers['x-request-id'], headers['x-oai-request-id']].find((id) => id !== undefined && id !== '')
  if (requestId !== undefined) kept['x-request-id'] = maskSecrets(requestId)
  return { ...kept, ...toRateLimitHeaders(fromHeaders(headers)) }
}
