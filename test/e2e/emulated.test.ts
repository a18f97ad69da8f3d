import { encode } from 'gpt-tokenizer/encoding/o200k_base'
import type { ChatCompletionChunk } from 'openai/resources/chat/completions'
import { expect, test } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { ev, item } from '../../src/simulator/events.ts'
import type { StepInput } from '../../src/simulator/scenario.ts'
import { startGateway } from '../support/gateway.ts'
import { lifecycleFaults } from '../support/lifecycle-rule.ts'
import { eventsOf } from '../support/simulator.ts'

const hello = [{ role: 'user' as const, content: 'Hello' }]
const LONG = 'Grüße aus Köln, der Stadt am Rhein, in der es oft regnet und selten schneit.'

function turn(...steps: StepInput[]): { stream: StepInput[] } {
  return { stream: [{ created: true }, ...steps, { completed: true }] }
}

test('P-08: a stream’s text ends right before the stop sequence, and the upstream is closed', async () => {
  const { client, simulator } = await startGateway()
  simulator.play({
    stream: [ev.created(), ev.added(item.message('', { content: [] })), ev.text('a E'), ev.text('N'), ev.text('D b')],
    end: 'stall',
  })
  const stream = await client.chat.completions.create({ model: 'gpt-5.5', messages: hello, stop: 'END', stream: true })
  let text = ''
  let finish: string | null | undefined
  for await (const { choices } of stream) {
    text += choices[0]?.delta.content ?? ''
    finish = choices[0]?.finish_reason ?? finish
  }
  expect([text, finish]).toEqual(['a ', 'stop'])
  await expect.poll(() => simulator.requests[0]?.closedAtMs, { timeout: 1500 }).toBeDefined()
})

test('P-09: an end that could have begun a stop sequence is not lost', async () => {
  const { client, simulator } = await startGateway()
  simulator.play(turn({ text: 'who are you, y', deltas: ['who are ', 'you, ', 'y'] }))
  const answer = await client.chat.completions
    .stream({ model: 'gpt-5.5', messages: hello, stop: ['x', 'yy'], stream_options: { include_usage: true } })
    .finalChatCompletion()
  expect(answer.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: 'who are you, y' } })
  expect(answer.usage).toMatchObject({ total_tokens: expect.any(Number) })
})

for (const stream of [true, false]) {
  test(`P-10: a stop sequence in reasoning or arguments cuts nothing (stream: ${stream})`, async () => {
    const { client, simulator } = await startGateway()
    simulator.play(
      turn(
        { reasoning: { summary: ['Where is the END of it?'] } },
        { tool_call: { name: 'f', arguments: '{"at":"END"}', call_id: 'call_1', deltas: 4 } },
        { custom_tool_call: { name: 'g', input: 'an END here', call_id: 'call_2' } },
      ),
    )
    const ask = { model: 'gpt-5.5', messages: hello, stop: 'END' }
    const calls = [
      { id: 'call_1', function: { arguments: '{"at":"END"}' } },
      { id: 'call_2', function: { arguments: '{"input":"an END here"}' } },
    ]
    if (!stream) {
      const { choices } = await client.chat.completions.create(ask)
      const message = { reasoning_content: 'Where is the END of it?', tool_calls: calls }
      expect(choices[0]).toMatchObject({ finish_reason: 'tool_calls', message })
      return
    }
    const chunks: ChatCompletionChunk[] = []
    const reader = client.chat.completions.stream(ask).on('chunk', (chunk) => void chunks.push(chunk))
    const { choices } = await reader.finalChatCompletion()
    expect(choices[0]).toMatchObject({ finish_reason: 'tool_calls', message: { tool_calls: calls } })
    // The SDK does not add up members it does not know.
    const thought = chunks.map(
      ({ choices: [choice] }) => ({ reasoning_content: '', ...choice?.delta }).reasoning_content,
    )
    expect(thought.join('')).toBe('Where is the END of it?')
  })

  test(`P-12: at most five tokens come through, then the upstream is closed (stream: ${stream})`, async () => {
    const { client, simulator } = await startGateway()
    simulator.play({ ...turn({ text: LONG, deltas: 20 }), paceMs: 20 })
    const ask = { model: 'gpt-5.5', messages: hello, max_tokens: 5 }
    const { choices } = stream
      ? await client.chat.completions.stream(ask).finalChatCompletion()
      : await client.chat.completions.create(ask)
    const text = choices[0]?.message.content ?? ''
    expect([choices[0]?.finish_reason, LONG.startsWith(text), text.length > 0]).toEqual(['length', true, true])
    expect(encode(text).length).toBeLessThanOrEqual(5)
    await expect.poll(() => simulator.requests[0]?.closedAtMs, { timeout: 1500 }).toBeDefined()
  })
}

test('P-13: a limit that is not reached changes nothing', async () => {
  const { post, simulator } = await startGateway()
  const bodies = []
  for (const limit of [{}, { max_tokens: 1000 }]) {
    simulator.play({
      stream: [
        { event: ev.created() },
        { event: ev.added(item.message('')) },
        { event: ev.text('Hi') },
        { event: ev.done(item.message('Hi')) },
        { event: ev.completed() },
      ],
    })
    const response = await post('/v1/chat/completions', { model: 'gpt-5.5', messages: hello, ...limit })
    bodies.push(await response.json())
  }
  expect(bodies[1]).toEqual(bodies[0])
  expect(bodies[1]).toMatchObject({ choices: [{ finish_reason: 'stop' }], usage: { total_tokens: 120 } })
})

const ANSWERS: readonly [string, StepInput[]][] = [
  ['text', [{ text: LONG }]],
  [
    'text after reasoning and a search',
    [
      { reasoning: { summary: ['Hm.'], encrypted_content: 'gAAA' } },
      { web_search_call: { query: 'q' } },
      { text: LONG },
    ],
  ],
  ['a refusal', [{ refusal: LONG }]],
  ['a function call', [{ tool_call: { name: 'f', arguments: { text: LONG }, call_id: 'call_1' } }]],
  [
    'a call without deltas',
    [{ tool_call: { name: 'f', arguments: { text: LONG }, call_id: 'call_1', delta_less: true } }],
  ],
  ['a custom call', [{ custom_tool_call: { name: 'f', input: LONG, call_id: 'call_1' } }]],
  [
    'interleaved calls',
    [
      {
        parallel: [
          { name: 'f', arguments: { a: LONG }, call_id: 'call_1' },
          { name: 'g', arguments: { b: LONG }, call_id: 'call_2' },
        ],
        interleave: true,
      },
    ],
  ],
]

for (const [name, steps] of ANSWERS) {
  test(`P-14: max_output_tokens ends ${name} in a well-formed incomplete response`, async () => {
    const { post, client, simulator } = await startGateway()
    simulator.play(turn(...steps), turn(...steps), turn(...steps))
    const ask = { model: 'gpt-5.5', input: 'Hello', max_output_tokens: 5 }
    const events = await eventsOf(await post('/v1/responses', { ...ask, stream: true }))
    expect(lifecycleFaults(events)).toEqual([])
    const end = events.at(-1)?.response as JsonObject
    expect(end).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      usage: null,
    })
    const cut = (end.output as JsonObject[]).filter(({ status }) => status === 'incomplete')
    expect(cut.length).toBeGreaterThan(0)

    const read = await client.responses.stream(ask).finalResponse()
    const whole = await client.responses.create(ask)
    for (const answer of [read, whole]) expect(shapeOf(answer.output)).toEqual(shapeOf(end.output))
    expect([read.status, whole.status]).toEqual(['incomplete', 'incomplete'])
  })
}

/** Items without the ids of one turn and what the SDK adds. */
function shapeOf(output: unknown): unknown {
  return JSON.parse(JSON.stringify(output), (key, value) =>
    /^(id|parsed|parsed_arguments)$/.test(key) ? undefined : value,
  )
}

test('P-14: under the limit the stream is the backend’s own', async () => {
  const { post, simulator } = await startGateway()
  simulator.play(turn({ text: 'Hi' }))
  const response = await post('/v1/responses', {
    model: 'gpt-5.5',
    input: 'Hello',
    max_output_tokens: 1000,
    stream: true,
  })
  const events = await eventsOf(response)
  expect(lifecycleFaults(events)).toEqual([])
  expect(events.at(-1)).toMatchObject({
    type: 'response.completed',
    response: { status: 'completed', usage: { total_tokens: expect.any(Number) } },
  })
})
