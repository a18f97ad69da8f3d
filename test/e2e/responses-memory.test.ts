import { expect, test } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { item } from '../../src/simulator/events.ts'
import type { StepInput } from '../../src/simulator/scenario.ts'
import { errorOf, respond, sentBy } from '../support/ask.ts'
import { startGateway } from '../support/gateway.ts'

const turn = (...steps: StepInput[]) => ({ stream: [{ created: true }, ...steps, { completed: true }] as StepInput[] })
const user = (text: string) => ({ type: 'message', role: 'user', content: [{ type: 'input_text', text }] })

/** Items as the backend takes them back. */
function asInput(output: unknown): JsonObject[] {
  return (output as JsonObject[]).map(({ id: _id, status: _status, ...rest }) => rest)
}

test('R-07: an earlier answer, text first and then a call, comes before what is new', async () => {
  const gateway = await startGateway()
  gateway.simulator.play(
    turn({ reasoning: { summary: ['Hm.'], encrypted_content: 'gAAA' } }, { text: 'one' }),
    turn({ tool_call: { name: 'f', arguments: '{"a":1}', call_id: 'call_1' } }),
    turn({ text: 'three' }),
  )
  const first = (await sentBy(gateway, respond(gateway, { input: 'Hello' }))).answer
  const second = await sentBy(gateway, respond(gateway, { input: 'And?', previous_response_id: first.id }))
  const upToSecond = [user('Hello'), ...asInput(first.output), user('And?')]
  expect(second.sent.input).toEqual(upToSecond)

  const result = { type: 'function_call_output', call_id: 'call_1', output: 'sun' }
  const third = await sentBy(gateway, respond(gateway, { input: [result], previous_response_id: second.answer.id }))
  expect(third.sent.input).toEqual([...upToSecond, ...asInput(second.answer.output), result])
  expect(third.sent).not.toHaveProperty('previous_response_id')
  expect(third.headers.get('x-codexway-dropped-params')).toBeNull()
})

test('R-07: a streamed answer is remembered, one with store: false is not', async () => {
  const gateway = await startGateway()
  const { client } = gateway
  const streamed = await client.responses.stream({ model: 'gpt-5.5', input: 'Hello' }).finalResponse()
  const next = await sentBy(gateway, respond(gateway, { input: 'And?', previous_response_id: streamed.id }))
  expect(next.sent.input).toEqual([user('Hello'), ...asInput(stripped(streamed.output)), user('And?')])

  const forgotten = (await sentBy(gateway, respond(gateway, { store: false }))).answer
  const refused = await errorOf(await respond(gateway, { previous_response_id: forgotten.id }))
  expect([refused.status, refused.code, refused.param]).toEqual([
    400,
    'previous_response_not_found',
    'previous_response_id',
  ])
})

/** Without what the SDK adds. */
function stripped(output: unknown): unknown {
  return JSON.parse(JSON.stringify(output), (key, value) => (/^parsed/.test(key) ? undefined : value))
}

test('R-10: a reference to an item of ours becomes the item; any other is left out and reported', async () => {
  const gateway = await startGateway()
  gateway.simulator.play(turn({ text: 'one' }), turn({ tool_call: { name: 'f', arguments: '{}', call_id: 'call_1' } }))
  const text = (await sentBy(gateway, respond(gateway))).answer
  const call = (await sentBy(gateway, respond(gateway))).answer
  const idOf = ({ output }: JsonObject) => (output as JsonObject[])[0]?.id
  const input = [
    user('Hello'),
    { type: 'item_reference', id: idOf(text) },
    { type: 'item_reference', id: 'msg_nobody' },
    { type: 'item_reference', id: idOf(call) },
    { type: 'function_call_output', call_id: 'call_1', output: 'sun' },
  ]
  const { sent, headers } = await sentBy(gateway, respond(gateway, { input }))
  expect(sent.input).toEqual([input[0], ...asInput(text.output), ...asInput(call.output), input[4]])
  expect(headers.get('x-codexway-dropped-params')).toBe('input[2]')
})

test('R-16: another gateway key knows nothing of an answer', async () => {
  const gateway = await startGateway({ env: { CODEXWAY_API_KEYS: 'key-a,key-b' } })
  const [a, b] = ['key-a', 'key-b'].map((key) => ({ authorization: `Bearer ${key}` }))
  const first = (await sentBy(gateway, respond(gateway, { input: 'Hello' }, a))).answer
  const refused = await errorOf(await respond(gateway, { previous_response_id: first.id }, b))
  expect([refused.status, refused.code]).toEqual([400, 'previous_response_not_found'])
  const reference = [user('Hi'), { type: 'item_reference', id: (first.output as JsonObject[])[0]?.id }]
  const other = await sentBy(gateway, respond(gateway, { input: reference }, b))
  expect([other.sent.input, other.headers.get('x-codexway-dropped-params')]).toEqual([[user('Hi')], 'input[1]'])
  const own = await sentBy(gateway, respond(gateway, { input: 'And?', previous_response_id: first.id }, a))
  expect(own.sent.input).toHaveLength(asInput(first.output).length + 2)
})

const weather = {
  type: 'function' as const,
  name: 'weather',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
  strict: true,
}
const ANSWER: StepInput[] = [
  { reasoning: { summary: ['One.', 'Two.'], encrypted_content: 'gAAA' } },
  { text: '{"city":"Köln"}', deltas: 5 },
  { tool_call: { name: 'weather', arguments: { city: 'Köln' }, call_id: 'call_1' } },
  { custom_tool_call: { name: 'patch', input: 'x', call_id: 'call_2' } },
]

test('R-17: the official SDK reads every typed event, parses arguments and structured output, and agrees with itself', async () => {
  const { client, simulator } = await startGateway()
  simulator.play(
    { stream: [{ rate_limits: true }, { created: true }, ...ANSWER, { completed: true }] },
    turn(...ANSWER),
  )
  const schema = {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  }
  const ask = {
    model: 'gpt-5.5',
    input: 'Where?',
    tools: [weather],
    text: { format: { type: 'json_schema' as const, name: 'place', schema, strict: true } },
  }
  const types: string[] = []
  const stream = client.responses.stream(ask).on('event', ({ type }) => void types.push(type))
  const streamed = await stream.finalResponse()
  const whole = await client.responses.parse(ask)
  expect(types[0]).toBe('response.created')
  expect(types.at(-1)).toBe('response.completed')
  expect([...new Set(types)]).toEqual(
    expect.arrayContaining([
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.reasoning_summary_text.delta',
      'response.function_call_arguments.delta',
      'response.custom_tool_call_input.delta',
      'response.output_item.done',
    ]),
  )
  expect(types.filter((type) => !type.startsWith('response.'))).toEqual([])
  for (const { output, output_text: text } of [streamed, whole]) {
    expect(text).toBe('{"city":"Köln"}')
    expect(output.map(({ type }) => type)).toEqual(['reasoning', 'message', 'function_call', 'custom_tool_call'])
    expect(output[2]).toMatchObject({ call_id: 'call_1', parsed_arguments: { city: 'Köln' } })
    expect(output[3]).toMatchObject({ call_id: 'call_2', input: 'x' })
  }
  expect(streamed.usage).toEqual({
    ...whole.usage,
    input_tokens: expect.any(Number),
    total_tokens: expect.any(Number),
    input_tokens_details: expect.anything(),
  })
})

test('R-17: responses.create over a tool round trip, streamed as an iterator', async () => {
  const { client, simulator } = await startGateway()
  simulator.play(turn({ tool_call: { name: 'weather', arguments: { city: 'Köln' }, call_id: 'call_1' } }), {
    stream: [
      { created: true },
      { event: { type: 'response.output_item.done', output_index: 0, item: item.message('Sun.') } },
      { completed: { output: 'empty' } },
    ],
  })
  const first = await client.responses.create({ model: 'gpt-5.5', input: 'Weather?', tools: [weather] })
  const result = { type: 'function_call_output' as const, call_id: 'call_1', output: 'sun' }
  const second = await client.responses.create({
    model: 'gpt-5.5',
    input: [result],
    previous_response_id: first.id,
    tools: [weather],
    stream: true,
  })
  let text = ''
  for await (const event of second) if (event.type === 'response.output_text.delta') text += event.delta
  expect(text).toBe('Sun.')
})
