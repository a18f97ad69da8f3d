/** The backend's answer headers a client may see (connector.md §12.1); everything else stays here. */
export function toClientHeaders(headers: Readonly<Record<string, string>>, slug: string): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith('x-codex-') && value !== '') kept[name] = value
  }
  const requestId = headers['x-request-id'] ?? headers['x-oai-request-id']
  if (requestId !== undefined && requestId !== '') kept['x-request-id'] = requestId
  // Another name here makes the Codex CLI tell its user that the model was rerouted.
  if (headers['openai-model'] === slug) kept['openai-model'] = slug
  return kept
}
