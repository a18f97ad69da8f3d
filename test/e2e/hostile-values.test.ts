import { expect, test } from 'vitest'
import { startGateway } from '../support/gateway.ts'

/** An object that cannot be made a text the usual way, as JSON may well hold it. */
const ODD = { toString: 0, valueOf: 0 }

test.each([
  ['/v1/chat/completions', { messages: [{ role: ODD, content: 'x' }] }],
  ['/v1/chat/completions', { messages: [{ role: 'user', content: [{ type: ODD }] }] }],
  ['/v1/chat/completions', { messages: [{ role: 'user', content: 'x' }], tools: [{ type: ODD }] }],
  ['/v1/chat/completions', { messages: [{ role: 'user', content: 'x' }], tool_choice: { type: ODD } }],
  ['/v1/chat/completions', { messages: [{ role: 'user', content: 'x' }], response_format: { type: ODD } }],
  ['/v1/responses', { input: [{ type: ODD }] }],
  ['/v1/responses', { input: [{ role: ODD, content: ODD }] }],
  ['/v1/responses', { input: 'x', tools: [{ type: ODD, name: ODD }] }],
  ['/v1/responses', { input: 'x', tool_choice: ODD }],
  ['/v1/messages', { max_tokens: 9, messages: [{ role: ODD, content: 'x' }] }],
  ['/v1/messages', { max_tokens: 9, messages: [{ role: 'user', content: [{ type: ODD }] }] }],
  ['/v1/messages', { max_tokens: 9, messages: [{ role: 'assistant', content: [{ type: ODD }] }] }],
  ['/v1/messages', { max_tokens: 9, messages: [{ role: 'user', content: 'x' }], tools: [{ type: ODD }] }],
])('H-08: %s is not brought down by %j', async (path, fields) => {
  const { post } = await startGateway()
  const answer = await post(path, { model: 'gpt-5.5', ...fields })
  expect([200, 400]).toContain(answer.status)
})
