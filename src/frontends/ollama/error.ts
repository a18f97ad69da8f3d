import type { ErrorResponse } from 'ollama'
import type { GatewayError } from '../../turn/errors.ts'
import type { ErrorForm } from '../../turn/frontend.ts'

/** This API has a text and nothing besides; where a field is at fault the text names it. */
export function toOllamaError({ message }: GatewayError): ErrorResponse & Record<string, unknown> {
  return { error: message }
}

/** Everything below `/api` but the Codex CLI's own path. */
export const ollamaErrors: ErrorForm = {
  covers: (path) => path.startsWith('/api/') && !path.startsWith('/api/codex/'),
  body: toOllamaError,
  headers: () => ({}),
}
