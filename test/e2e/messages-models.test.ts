import { expect, test } from 'vitest'
import { startGateway } from '../support/gateway.ts'
import { messagesClient } from '../support/messages-client.ts'

const HELLO = { max_tokens: 100, messages: [{ role: 'user' as const, content: 'Hello' }] }

test('models.list and models.retrieve have this API’s form, and every id listed is accepted', async () => {
  const gateway = await startGateway({ auth: null })
  for (const client of [messagesClient(gateway), messagesClient(gateway, '/anthropic')]) {
    const ids: string[] = []
    for await (const model of client.models.list({ limit: 3 })) {
      expect(model).toMatchObject({ type: 'model', display_name: model.id })
      ids.push(model.id)
    }
    const openAi = await gateway.client.models.list()
    expect(ids).toEqual(openAi.data.map(({ id }) => id))
    expect(await client.models.retrieve('openai-codex:gpt-5.5')).toMatchObject({ id: 'openai-codex:gpt-5.5' })
    expect(await client.models.retrieve('claude-opus-5-5')).toMatchObject({ id: 'claude-opus-5-5' })
    await expect(client.models.retrieve('llama')).rejects.toMatchObject({ status: 404, type: 'not_found_error' })
  }
})

test('claude names stand for models by tier, unless an alias says otherwise; the answer keeps the name', async () => {
  const gateway = await startGateway({ yaml: 'model_aliases: {"claude-opus-8*": gpt-plain}' })
  const client = messagesClient(gateway)
  const names = ['claude-haiku-9', 'claude-sonnet-9', 'claude-opus-9', 'claude-opus-8-1']
  for (const model of names) expect((await client.messages.create({ ...HELLO, model })).model).toBe(model)
  const slugs = gateway.simulator.requests.map(({ body }) => body.model)
  expect(slugs).toEqual(['gpt-5.6-luna', 'gpt-5.5', 'gpt-5.6-sol', 'gpt-plain'])
  const chat = await gateway.post('/v1/chat/completions', { ...HELLO, model: 'claude-sonnet-9' })
  expect(chat.status).toBe(404)
})

test('claude_models: false leaves them unknown', async () => {
  const gateway = await startGateway({ yaml: 'claude_models: false' })
  const asked = messagesClient(gateway).messages.create({ ...HELLO, model: 'claude-sonnet-9' })
  await expect(asked).rejects.toMatchObject({ status: 404, type: 'not_found_error' })
})

test('count_tokens counts what would be sent, and asks the backend nothing', async () => {
  const gateway = await startGateway()
  const client = messagesClient(gateway)
  const ask = { model: 'gpt-5.5', messages: HELLO.messages }
  const { input_tokens: plain } = await client.messages.countTokens(ask)
  const { input_tokens: more } = await client.messages.countTokens({ ...ask, system: 'one two three four five' })
  const tool = { name: 'read', description: 'Reads a file.', input_schema: { type: 'object' as const } }
  const { input_tokens: tools } = await client.messages.countTokens({ ...ask, tools: [tool] })
  expect(plain).toBeGreaterThan(0)
  expect(more - plain).toBe(5 + 4)
  expect(tools - plain).toBeGreaterThan(10)
  const source = { type: 'url' as const, url: 'https://127.0.0.1:1/a.png' }
  const image = { role: 'user' as const, content: [{ type: 'image' as const, source }] }
  expect((await client.messages.countTokens({ ...ask, messages: [image] })).input_tokens).toBeGreaterThan(1000)
  expect(gateway.simulator.requests).toEqual([])
})
