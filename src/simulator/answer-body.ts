import type { Scenario } from './scenario.ts'

/** The body of an answer that is no stream. */
export function toAnswerBody({ body, html, status = 200 }: Scenario): { text: string; type: string } {
  if (html !== undefined) return { text: html, type: 'text/html; charset=UTF-8' }
  if (body === undefined) {
    const error = { type: 'server_error', code: null, message: `Simulated status ${status}.`, param: null }
    return { text: JSON.stringify({ error }), type: 'application/json' }
  }
  if (typeof body !== 'string') return { text: JSON.stringify(body), type: 'application/json' }
  const type = /^\s*</.test(body)
    ? 'text/html; charset=UTF-8'
    : /^\s*[{[]/.test(body)
      ? 'application/json'
      : 'text/plain'
  return { text: body, type }
}
