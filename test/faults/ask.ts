import { type ClientRequest, request } from 'node:http'
import type { JsonObject } from '../../src/lib/json.ts'
import type { Door, RawReply } from './read-answer.ts'

export interface Question {
  readonly door: Door
  readonly stream: boolean
  readonly text: string
  readonly model?: string
}

export interface AskOptions {
  /** Without an end after so long the request counts as hanging. */
  readonly withinMs: number
  /** Leaves with the first byte of the body, or after so long without one. */
  readonly leaveAfterMs?: number
}

const PATHS: Record<Door, string> = {
  chat: '/v1/chat/completions',
  responses: '/v1/responses',
  messages: '/v1/messages',
}

function toBody({ door, stream, text, model = 'gpt-5.5' }: Question): JsonObject {
  const tools = [{ name: 'weather', parameters: { type: 'object', properties: {} } }]
  if (door === 'responses') {
    // Summaries only come to those who ask for them.
    const reasoning = { effort: 'low', summary: 'auto' }
    return { model, stream, input: text, reasoning, tools: tools.map((tool) => ({ type: 'function', ...tool })) }
  }
  const messages = [{ role: 'user', content: text }]
  if (door === 'chat')
    return { model, stream, messages, tools: tools.map((tool) => ({ type: 'function', function: tool })) }
  const claudeTools = tools.map(({ name, parameters }) => ({ name, input_schema: parameters }))
  const thinking = { type: 'enabled', budget_tokens: 2000 }
  return { model, stream, max_tokens: 4000, messages, thinking, tools: claudeTools }
}

/**
 * One request over a connection of its own, as bytes.
 * @returns undefined if it hangs; a client that leaves takes what it has with it
 */
export function ask(
  url: string,
  question: Question,
  { withinMs, leaveAfterMs }: AskOptions,
): Promise<(RawReply & { readonly isComplete: boolean }) | undefined> {
  const { door, stream } = question
  const body = JSON.stringify(toBody(question))
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  const isLeaving = leaveAfterMs !== undefined
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    const sent: ClientRequest = request(url + PATHS[door], { method: 'POST', agent: false, headers }, (response) => {
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        if (isLeaving) sent.destroy()
      })
      response.once('error', () => {})
      response.once('close', () => settle(response.statusCode ?? 0, response.complete))
    })
    const limit = setTimeout(() => {
      resolve(undefined)
      sent.destroy()
    }, withinMs)
    const patience = isLeaving ? setTimeout(() => sent.destroy(), leaveAfterMs) : undefined
    const settle = (status: number, isComplete: boolean) => {
      clearTimeout(limit)
      clearTimeout(patience)
      resolve({ door, stream, status, body: Buffer.concat(chunks).toString(), isComplete })
    }
    sent.once('error', () => settle(0, false))
    sent.end(body)
  })
}
