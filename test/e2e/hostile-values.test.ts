import { expect, test } from 'vitest'
import { ev, item } from '../../src/simulator/events.ts'
import { itemsOf } from '../support/ask.ts'
import { askOver, openSocket } from '../support/client-socket.ts'
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

test('S-13: items of the backend that are none spoil no answer, and what came with them is remembered', async () => {
  const { post, simulator, url, logs } = await startGateway()
  const sealed = { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'seal' }
  const output = [null, sealed, item.message('Hi'), 'text', []]
  const odd = { stream: [ev.created(), ev.text('Hi'), ev.completed('resp_1', { output })] }
  const chat = { model: 'gpt-5.5', messages: [{ role: 'user', content: 'x' }], stream: true }
  simulator.play(odd)
  expect(await (await post('/v1/chat/completions', chat)).text()).toMatch(/data: \[DONE\]\s*$/)
  const socket = await openSocket({ url })
  simulator.play(odd)
  expect((await askOver(socket, 'x')).at(-1)).toMatchObject({ type: 'response.completed' })
  await askOver(socket, { input: 'y', previous_response_id: 'resp_1' })
  const types = itemsOf(simulator.requests.at(-1)?.body).map(({ type }) => type)
  expect(types).toEqual(['message', 'reasoning', 'message', 'message'])
  expect(logs.filter((line) => line.includes('the gateway failed'))).toEqual([])
})
