import { writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { ev, item } from '../../src/simulator/events.ts'
import type { RecordedRequest } from '../../src/simulator/records.ts'
import type { ScenarioInput } from '../../src/simulator/scenario.ts'
import { CHAT, RESPONSES, readError } from '../support/doors.ts'
import { type Running, startGateway } from '../support/gateway.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const user = (content: string) => ({ role: 'user' as const, content })
const assistant = (content: string) => ({ role: 'assistant' as const, content })
const chat = (...messages: readonly object[]) => ({ model: 'gpt-5.5', messages })

/** Sends, expects 200, and returns what the backend was sent last. */
async function sent(
  { post, simulator }: Running,
  body: JsonObject,
  headers: Record<string, string> = {},
  path = CHAT,
): Promise<RecordedRequest> {
  const response = await post(path, body, headers)
  expect([response.status, await response.text()]).toEqual([200, expect.any(String)])
  const request = simulator.requests.at(-1)
  if (request === undefined) throw new Error('nothing was sent')
  return request
}

function idsOf({ body, headers }: RecordedRequest) {
  return {
    key: body.prompt_cache_key,
    session: headers['session-id'],
    thread: headers['thread-id'],
    request: headers['x-client-request-id'],
  }
}

test('I-01: two turns of one conversation have one key, other conversations another', async () => {
  const gateway = await startGateway()
  const system = { role: 'system', content: 'Be brief.' }
  const first = idsOf(await sent(gateway, chat(system, user('Hello'))))
  const second = idsOf(await sent(gateway, chat(system, user('Hello'), assistant('Hi.'), user('And now?'))))
  expect(second).toEqual(first)
  expect(first).toEqual({
    key: first.session,
    session: expect.stringMatching(UUID),
    thread: first.session,
    request: first.session,
  })
  const others = [
    chat(system, user('Hello!')),
    chat({ ...system, content: 'Be long.' }, user('Hello')),
    chat(user('Hello')),
    { ...chat(system, user('Hello')), model: 'gpt-5.6-sol' },
    { ...chat(system, user('Hello')), agent: 'other' },
  ]
  const keys = [first.key]
  for (const body of others) keys.push(idsOf(await sent(gateway, body)).key)
  expect(new Set(keys).size).toBe(others.length + 1)
})

test('I-02: the client’s own name for the conversation is the key; the headers hold a UUID made from it', async () => {
  const gateway = await startGateway()
  const body = chat(user('Hello'))
  const byHeader = idsOf(await sent(gateway, body, { 'x-session-id': 's1' }))
  const byBody = idsOf(await sent(gateway, { ...body, prompt_cache_key: 'k' }, { 'x-session-id': 's1' }))
  expect([byHeader.key, byBody.key]).toEqual(['s1', 'k'])
  for (const { session, thread, request } of [byHeader, byBody]) {
    expect(session).toMatch(UUID)
    expect([thread, request]).toEqual([session, session])
  }
  expect(byHeader.session).not.toBe(byBody.session)
  const again = idsOf(await sent(gateway, chat(user('Something else')), { 'x-session-id': 's1' }))
  expect(again).toEqual(byHeader)

  const uuid = '0199d2a0-1111-7222-8333-444455556666'
  expect(idsOf(await sent(gateway, { ...body, prompt_cache_key: uuid }))).toEqual({
    key: uuid,
    session: uuid,
    thread: uuid,
    request: uuid,
  })
  for (const [fields, headers] of [
    [{ extra_body: { prompt_cache_key: 'named' } }, {}],
    [{ session_id: 'named' }, {}],
    [{ conversation_id: 'named' }, {}],
    [{ extra_body: { session_id: 'named' } }, {}],
    [{}, { 'session-id': 'named' }],
    [{}, { session_id: 'named' }],
    [{}, { conversation_id: 'named' }],
  ] as const) {
    expect([fields, headers, idsOf(await sent(gateway, { ...body, ...fields }, headers)).key]).toEqual([
      fields,
      headers,
      'named',
    ])
  }
  const atResponses = await sent(gateway, { model: 'gpt-5.5', input: 'Hello' }, { 'x-session-id': 's1' }, RESPONSES)
  expect(idsOf(atResponses)).toEqual(byHeader)
})

test('I-03: two gateway keys never share a derived key', async () => {
  const gateway = await startGateway({ env: { CODEXWAY_API_KEYS: 'first-key,second-key' } })
  const keyFor = async (key: string, path: string, body: JsonObject) =>
    idsOf(await sent(gateway, body, { authorization: `Bearer ${key}` }, path)).key
  for (const [path, body] of [
    [CHAT, chat(user('Hello'))],
    [RESPONSES, { model: 'gpt-5.5', input: 'Hello' }],
  ] as const) {
    const first = await keyFor('first-key', path, body)
    expect(await keyFor('first-key', path, body)).toBe(first)
    expect(await keyFor('second-key', path, body)).not.toBe(first)
  }
})

const sealed = { summary: ['Thinking'], encrypted_content: 'gAAAAABsealed-one' }
const withCall: ScenarioInput = {
  stream: [
    { created: true },
    { reasoning: sealed },
    { text: 'I look.' },
    { tool_call: { name: 'look', arguments: '{"at":"it"}', call_id: 'call_look' } },
    { completed: true },
  ],
}
const withText: ScenarioInput = {
  stream: [{ created: true }, { reasoning: sealed }, { text: 'It is blue.' }, { completed: true }],
}
const tools = [{ type: 'function', function: { name: 'look', parameters: { type: 'object', properties: {} } } }]
const call = { id: 'call_look', type: 'function', function: { name: 'look', arguments: '{"at":"it"}' } }

function afterCall() {
  return {
    ...chat(
      user('Look at it'),
      { role: 'assistant', content: 'I look.', tool_calls: [call] },
      { role: 'tool', tool_call_id: 'call_look', content: 'seen' },
    ),
    tools,
  }
}

function shapeOf({ body }: RecordedRequest): string[] {
  const input = body.input as { type: string; role?: string }[]
  return input.map(({ type, role }) => role ?? type)
}

test('I-04: the reasoning of a turn with a call goes up right before that call', async () => {
  const gateway = await startGateway()
  gateway.simulator.play(withCall)
  await sent(gateway, { ...chat(user('Look at it')), tools, stream: true })
  const second = await sent(gateway, afterCall())
  expect(shapeOf(second)).toEqual(['user', 'assistant', 'reasoning', 'function_call', 'function_call_output'])
  expect((second.body.input as JsonObject[])[2]).toEqual({
    type: 'reasoning',
    summary: [{ type: 'summary_text', text: 'Thinking' }],
    encrypted_content: 'gAAAAABsealed-one',
  })
})

test('I-05: the reasoning of a turn with text only goes up before that text, for its own model and key only', async () => {
  const gateway = await startGateway({ env: { CODEXWAY_API_KEYS: 'first-key,second-key' } })
  const first = { authorization: 'Bearer first-key' }
  gateway.simulator.play(withText)
  await sent(gateway, chat(user('Which colour?')), first)
  const later = chat(user('Which colour?'), assistant('It is blue.'), user('Sure?'))
  expect(shapeOf(await sent(gateway, later, first))).toEqual(['user', 'reasoning', 'assistant', 'user'])
  expect(shapeOf(await sent(gateway, later, { 'x-api-key': 'second-key' }))).toEqual(['user', 'assistant', 'user'])
  const elsewhere = await sent(gateway, { ...later, model: 'gpt-5.1-codex' }, first)
  expect(shapeOf(elsewhere)).toEqual(['user', 'assistant', 'user'])
})

test('I-06: reasoning the backend cannot read is left out in one more try, and forgotten', async () => {
  const gateway = await startGateway()
  const { simulator } = gateway
  simulator.play(withText)
  await sent(gateway, chat(user('Which colour?')))
  const later = chat(user('Which colour?'), assistant('It is blue.'), user('Sure?'))
  simulator.play('invalid-encrypted-content')
  await sent(gateway, later)
  expect(simulator.requests.slice(1).map(shapeOf)).toEqual([
    ['user', 'reasoning', 'assistant', 'user'],
    ['user', 'assistant', 'user'],
  ])
  expect(shapeOf(await sent(gateway, later))).toEqual(['user', 'assistant', 'user'])
})

test('I-06: the same on /v1/responses, also as the first event of a stream; a second refusal is a 400', async () => {
  const gateway = await startGateway()
  const { simulator, post } = gateway
  const input = [
    { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hello' }] },
    { type: 'reasoning', summary: [], encrypted_content: 'gAAAAABforeign' },
    { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Hi' }] },
    { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'And?' }] },
  ]
  const body = { model: 'gpt-5.5', input }
  simulator.play('invalid-encrypted-content')
  await sent(gateway, body, {}, RESPONSES)
  simulator.play({
    chunking: 'whole',
    stream: [ev.created(), ev.failed({ code: 'invalid_encrypted_content', message: 'It could not be verified.' })],
  })
  await sent(gateway, { ...body, stream: true }, {}, RESPONSES)
  expect(simulator.requests.map(shapeOf)).toEqual([
    ['user', 'reasoning', 'assistant', 'user'],
    ['user', 'assistant', 'user'],
    ['user', 'reasoning', 'assistant', 'user'],
    ['user', 'assistant', 'user'],
  ])
  simulator.play('invalid-encrypted-content', 'invalid-encrypted-content')
  const refused = await post(RESPONSES, body)
  expect([refused.status, (await readError(refused)).code]).toEqual([400, 'invalid_encrypted_content'])
  expect(simulator.requests).toHaveLength(6)
})

test('I-08: the turn state is echoed with a tool result, and not with the next user message', async () => {
  const gateway = await startGateway()
  const { simulator } = gateway
  simulator.play({ ...withCall, headers: { 'x-codex-turn-state': 'state-1' } })
  const first = await sent(gateway, { ...chat(user('Look at it')), tools })
  simulator.play({ stream: [{ say: 'Seen.' }], headers: { 'x-codex-turn-state': 'state-2' } })
  const followUp = await sent(gateway, afterCall())
  const messages = [...afterCall().messages, assistant('Seen.'), user('Thanks')]
  const next = await sent(gateway, { ...chat(...messages), tools })
  const states = [first, followUp, next].map(({ headers }) => headers['x-codex-turn-state'])
  expect(states).toEqual([undefined, 'state-1', undefined])
  const turns = [first, followUp, next].map(
    ({ headers }) => JSON.parse(String(headers['x-codex-turn-metadata'])).turn_id as string,
  )
  expect([turns[0] === turns[1], turns[1] === turns[2]]).toEqual([true, false])
})

test('I-08: the turn state of one account is never sent for another', async () => {
  const gateway = await startGateway()
  const { simulator, authPath } = gateway
  simulator.play({ ...withCall, headers: { 'x-codex-turn-state': 'state-of-A' } })
  await sent(gateway, { ...chat(user('Look at it')), tools })
  const other = simulator.issuer.authFile({ accountId: 'acct-B' })
  writeFileSync(authPath, JSON.stringify(other))
  await new Promise((resolve) => setTimeout(resolve, 1100))
  const followUp = await sent(gateway, afterCall())
  expect(followUp.headers['chatgpt-account-id']).toBe('acct-B')
  expect(followUp.headers['x-codex-turn-state']).toBeUndefined()
  expect(shapeOf(followUp)).not.toContain('reasoning')
})

test('I-09: with reasoning_replay off no reasoning goes up', async () => {
  const yaml = 'backends: {openai_codex: {extra: {codex: {reasoning_replay: false}}}}'
  const gateway = await startGateway({ yaml })
  gateway.simulator.play(withCall)
  await sent(gateway, { ...chat(user('Look at it')), tools })
  expect(shapeOf(await sent(gateway, afterCall()))).toEqual([
    'user',
    'assistant',
    'function_call',
    'function_call_output',
  ])
  gateway.simulator.play(withText)
  await sent(gateway, chat(user('Which colour?')))
  const later = await sent(gateway, chat(user('Which colour?'), assistant('It is blue.'), user('Sure?')))
  expect(shapeOf(later)).toEqual(['user', 'assistant', 'user'])
})

test('R-16: an answer stored for one gateway key is unknown to another', async () => {
  const gateway = await startGateway({ env: { CODEXWAY_API_KEYS: 'first-key,second-key' } })
  gateway.simulator.play({ stream: [ev.created('resp_a'), ev.done(item.message('Hi')), ev.completed('resp_a')] })
  await sent(gateway, { model: 'gpt-5.5', input: 'Hello' }, { 'x-api-key': 'first-key' }, RESPONSES)
  const body = { model: 'gpt-5.5', input: 'And?', previous_response_id: 'resp_a' }
  const foreign = await gateway.post(RESPONSES, body, { 'x-api-key': 'second-key' })
  const error = await readError(foreign)
  expect([foreign.status, error.code, error.param]).toEqual([
    400,
    'previous_response_not_found',
    'previous_response_id',
  ])
  expect(shapeOf(await sent(gateway, body, { 'x-api-key': 'first-key' }, RESPONSES))).toHaveLength(3)
})
