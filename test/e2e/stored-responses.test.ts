import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { expect, onTestFinished, test } from 'vitest'
import { turnOf } from '../../src/simulator/default-answer.ts'
import { item } from '../../src/simulator/events.ts'
import { errorOf, itemsOf } from '../support/ask.ts'
import { startGateway } from '../support/gateway.ts'

const MODEL = 'gpt-5.5'

function stateDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'codexway-state-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

test('responses.retrieve gives the answer back, inputItems.list what it was made of', async () => {
  const { client, simulator } = await startGateway()
  simulator.play({ stream: turnOf([item.message('One.')]) }, { stream: turnOf([item.message('Two.')]) })
  const first = await client.responses.create({ model: MODEL, input: 'Hello' })
  const second = await client.responses.create({ model: MODEL, input: 'And?', previous_response_id: first.id })
  const { _request_id: _first, output_text: _text, ...created } = second
  expect(await client.responses.retrieve(second.id)).toMatchObject(created)

  const listed = []
  for await (const each of client.responses.inputItems.list(second.id, { order: 'asc', limit: 2 })) listed.push(each)
  expect(listed).toMatchObject([
    { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hello' }] },
    { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'One.' }] },
    { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'And?' }] },
  ])
  expect(new Set(listed.map(({ id }) => id)).size).toBe(3)
  const newest = await client.responses.inputItems.list(second.id, { limit: 1 })
  expect([newest.data[0], newest.has_more]).toEqual([listed[2], true])
})

test('responses.delete takes it away; what goes on from it stays whole', async () => {
  const { client } = await startGateway()
  const first = await client.responses.create({ model: MODEL, input: 'Hello' })
  const second = await client.responses.create({ model: MODEL, input: 'And?', previous_response_id: first.id })
  await client.responses.delete(first.id)
  for (const asked of [
    client.responses.retrieve(first.id),
    client.responses.delete(first.id),
    client.responses.inputItems.list(first.id),
    client.responses.cancel(first.id),
  ]) {
    await expect(asked).rejects.toThrow(OpenAI.NotFoundError)
  }
  const gone = client.responses.create({ model: MODEL, input: 'x', previous_response_id: first.id })
  await expect(gone).rejects.toMatchObject({ status: 400, code: 'previous_response_not_found' })
  await client.responses.create({ model: MODEL, input: 'So?', previous_response_id: second.id })
})

test('an answer survives a restart, streamed or not', async () => {
  const env = { XDG_STATE_HOME: stateDirectory() }
  const before = await startGateway({ env })
  const whole = await before.client.responses.create({ model: MODEL, input: 'Hello' })
  const streamed = await before.client.responses
    .stream({ model: MODEL, input: 'And?', previous_response_id: whole.id })
    .finalResponse()
  await before.stop()

  const after = await startGateway({ env })
  await after.client.responses.create({ model: MODEL, input: 'So?', previous_response_id: streamed.id })
  const roles = itemsOf(after.simulator.requests[0]?.body).map(({ role, type }) => role ?? type)
  expect(roles.filter((role) => role !== 'reasoning')).toEqual(['user', 'assistant', 'user', 'assistant', 'user'])
  expect((await after.client.responses.retrieve(whole.id)).id).toBe(whole.id)
})

test('store: false, chat and the memory setting leave nothing on disk', async () => {
  const env = { XDG_STATE_HOME: stateDirectory() }
  const databases = () =>
    readdirSync(env.XDG_STATE_HOME, { recursive: true, encoding: 'utf8' }).filter((file) => file.includes('sqlite'))
  const { client } = await startGateway({ env })
  const hidden = await client.responses.create({ model: MODEL, input: 'Hello', store: false })
  await client.chat.completions.create({ model: MODEL, messages: [{ role: 'user', content: 'Hello' }] })
  const memory = await startGateway({ env, yaml: 'store: {type: memory}' })
  const kept = await memory.client.responses.create({ model: MODEL, input: 'Hello' })
  expect((await memory.client.responses.retrieve(kept.id)).id).toBe(kept.id)
  expect(databases()).toEqual([])
  const stored = await client.responses.create({ model: MODEL, input: 'Hello' })
  await client.responses.retrieve(stored.id)
  expect(databases()).not.toEqual([])
  for (const id of [hidden.id, kept.id]) {
    await expect(client.responses.retrieve(id)).rejects.toThrow(OpenAI.NotFoundError)
  }
})

test('R-16: the answers of one gateway key are unknown to another', async () => {
  const { url } = await startGateway({ env: { CODEXWAY_API_KEYS: 'one,two' } })
  const [one, two] = ['one', 'two'].map((apiKey) => new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 }))
  const answer = await one?.responses.create({ model: MODEL, input: 'Hello' })
  const id = answer?.id ?? ''
  for (const asked of [two?.responses.retrieve(id), two?.responses.delete(id), two?.responses.inputItems.list(id)]) {
    await expect(asked).rejects.toThrow(OpenAI.NotFoundError)
  }
  expect((await one?.responses.retrieve(id))?.id).toBe(id)
})

test('what is not possible is said', async () => {
  const { url, client } = await startGateway()
  const { id } = await client.responses.create({ model: MODEL, input: 'Hello' })
  await expect(client.responses.cancel(id)).rejects.toMatchObject({ status: 400 })
  const ask = async (path: string, method = 'GET') => {
    const { status, code, param } = await errorOf(await fetch(`${url}/v1/responses/${path}`, { method }))
    return [status, code, param]
  }
  expect(await ask(`${id}?stream=true`)).toEqual([400, 'unsupported_parameter', 'stream'])
  expect(await ask(`${id}/input_items?limit=0`)).toEqual([400, null, 'limit'])
  expect(await ask(`${id}/input_items?order=up`)).toEqual([400, null, 'order'])
  expect(await ask('resp_unknown')).toEqual([404, null, null])
  expect(await ask('%E0%A4%A')).toEqual([404, null, null])
  expect(await ask(`${id}/other`)).toEqual([404, 'unknown_url', null])
  expect(await ask(`${id}/input_items`, 'DELETE')).toEqual([404, 'unknown_url', null])
  expect(await ask(`${id}/cancel/now`, 'POST')).toEqual([404, 'unknown_url', null])
  expect(await ask(id, 'PUT')).toEqual([405, 'method_not_allowed', null])
})

test('input_tokens counts what would be sent, earlier answers included, and asks the backend nothing', async () => {
  const { client, simulator } = await startGateway()
  const first = await client.responses.create({ model: MODEL, input: 'Hello' })
  const alone = await client.responses.inputTokens.count({ model: MODEL, input: 'And?' })
  const after = await client.responses.inputTokens.count({
    model: MODEL,
    input: 'And?',
    previous_response_id: first.id,
  })
  expect(alone).toMatchObject({ object: 'response.input_tokens', input_tokens: expect.any(Number) })
  expect(after.input_tokens).toBeGreaterThan(alone.input_tokens)
  expect(simulator.requests).toHaveLength(1)
})
