export const MODEL = 'gpt-5.5'

/**
 * As most agents ask: they keep the conversation themselves.
 * @param answer which of the upstream's answers is wanted
 */
export function responsesBody(answer: string, fields: object = { store: false }): string {
  return JSON.stringify({ model: MODEL, stream: true, ...fields, input: `bench-${answer}` })
}

export function chatBody(answer: string, fields: object = { stream: true }): string {
  return JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: `bench-${answer}` }], ...fields })
}

/** Of `/v1/messages`, and of Ollama's `/api/chat`, which streams unless told otherwise. */
export function messagesBody(answer: string): string {
  return chatBody(answer, { stream: true, max_tokens: 100_000 })
}

export function ollamaBody(answer: string): string {
  return chatBody(answer, {})
}

export function completionsBody(answer: string): string {
  return JSON.stringify({ model: MODEL, stream: true, prompt: `bench-${answer}` })
}

export function geminiBody(answer: string): string {
  return JSON.stringify({ contents: [{ role: 'user', parts: [{ text: `bench-${answer}` }] }] })
}

const MESSAGES = 400
const BYTES = 2 * 1024 * 1024

/** A long session of an agent: `MESSAGES` messages with calls and their results, and twenty tools. */
export function historyBody(): string {
  const text = 'The quick brown fox jumps over the lazy dog. "Quoted", naïve.\n'.repeat(
    Math.ceil(BYTES / MESSAGES / 2 / 64) * 2,
  )
  const messages = Array.from({ length: MESSAGES / 4 }, (_, i) => [
    { role: 'user', content: text },
    {
      role: 'assistant',
      content: text,
      tool_calls: [{ id: `call_${i}`, type: 'function', function: { name: 'tool_1', arguments: '{"path":"a.ts"}' } }],
    },
    { role: 'tool', tool_call_id: `call_${i}`, content: text },
    { role: 'assistant', content: text },
  ])
  const tools = Array.from({ length: 20 }, (_, i) => ({
    type: 'function',
    function: {
      name: `tool_${i}`,
      description: 'Does something with a file.',
      parameters: { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] },
    },
  }))
  const last = { role: 'user', content: 'bench-short' }
  return JSON.stringify({ model: MODEL, stream: true, messages: [...messages.flat(), last], tools })
}
