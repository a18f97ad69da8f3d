import type OpenAI from 'openai'
import type { RecordedRequest } from '../../src/simulator/records.ts'

type Message = OpenAI.ChatCompletionMessageParam

export const user = (content: string): Message => ({ role: 'user', content })

/** One turn of a chat; the conversation grows by what was asked and what was answered. */
export async function chatTurn(client: OpenAI, messages: Message[], fields: object = {}): Promise<string> {
  const answer = await client.chat.completions.create({ model: 'gpt-5.5', ...fields, messages, stream: false })
  const message = answer.choices[0]?.message
  if (message === undefined) throw new Error('an answer without a message')
  const { role, content, tool_calls: calls } = message
  messages.push({ role, content, ...(calls === undefined ? {} : { tool_calls: calls }) })
  return content ?? ''
}

/** What one upstream request brought, in short: how many items of how many it had to send. */
export function brief({ transport, connection, previousResponseId, body, context }: RecordedRequest) {
  const sent = Array.isArray(body.input) ? body.input.length : -1
  return { transport, connection, continues: previousResponseId !== undefined, sent, of: context.length }
}
