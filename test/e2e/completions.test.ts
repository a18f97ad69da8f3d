import type { Completion } from 'openai/resources/completions'
import { expect, test } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { ev, item } from '../../src/simulator/events.ts'
import type { ScenarioInput } from '../../src/simulator/scenario.ts'
import { readError } from '../support/doors.ts'
import { type Running, startGateway } from '../support/gateway.ts'

const PATH = '/v1/completions'

/** Each prompt's answer is the prompt in capitals, unless a scenario is given. */
function answerLoudly({ simulator }: Running, scenarios: Readonly<Record<string, ScenarioInput | string>> = {}): void {
  simulator.on(
    () => true,
    ({ body }) => {
      const prompt = promptOf(body)
      return scenarios[prompt] ?? { stream: [{ say: prompt.toUpperCase() }] }
    },
  )
}

function promptOf({ input }: JsonObject): string {
  return JSON.parse(JSON.stringify(input)).at(-1).content[0].text
}

test('completions.create answers one text', async () => {
  const gateway = await startGateway()
  const { client, simulator } = gateway
  answerLoudly(gateway)
  const { data, response } = await client.completions
    .create({ model: 'openai-codex:gpt-5.5', prompt: 'hello', temperature: 0, logprobs: 2 })
    .withResponse()
  expect(data).toMatchObject({
    id: expect.stringMatching(/^cmpl-\w+$/),
    object: 'text_completion',
    model: 'openai-codex:gpt-5.5',
    choices: [{ text: 'HELLO', index: 0, logprobs: null, finish_reason: 'stop' }],
    usage: { total_tokens: expect.any(Number) },
  })
  expect(response.headers.get('x-codexway-dropped-params')).toBe('temperature, logprobs')
  const { body } = simulator.onlyRequest()
  expect(body.input).toEqual([{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hello' }] }])
  expect(Object.keys(body)).not.toEqual(expect.arrayContaining(['prompt', 'max_tokens']))
})

test('several prompts are several turns, one behind the other, with their index', async () => {
  const gateway = await startGateway()
  const { client, simulator } = gateway
  answerLoudly(gateway)
  const answer = await client.completions.create({ model: 'gpt-5.5', prompt: ['one', 'two', 'three'] })
  expect(answer.choices.map(({ index, text }) => [index, text])).toEqual([
    [0, 'ONE'],
    [1, 'TWO'],
    [2, 'THREE'],
  ])
  expect(simulator.requests.map(({ body }) => promptOf(body))).toEqual(['one', 'two', 'three'])
  const single = await client.completions.create({ model: 'gpt-5.5', prompt: 'one' })
  expect(answer.usage?.prompt_tokens).toBeGreaterThan(2 * (single.usage?.prompt_tokens ?? Number.NaN))
})

test('a stream brings the prompts’ answers in their order, the usage of all, and one [DONE]', async () => {
  const gateway = await startGateway()
  answerLoudly(gateway)
  const options = { prompt: ['one', 'two'], stream_options: { include_usage: true } }
  const stream = await gateway.client.completions.create({ model: 'gpt-5.5', stream: true, ...options })
  const chunks: Completion[] = []
  for await (const chunk of stream) chunks.push(chunk)
  const choices = chunks.flatMap((chunk) => chunk.choices)
  const textOf = (wanted: number) => choices.map(({ index, text }) => (index === wanted ? text : '')).join('')
  expect([textOf(0), textOf(1)]).toEqual(['ONE', 'TWO'])
  expect(choices.map(({ index }) => index)).toEqual(choices.map(({ index }) => index).toSorted())
  expect(choices.filter(({ finish_reason: end }) => end === 'stop')).toHaveLength(2)
  expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: expect.any(Number) } })

  const raw = await gateway.post(PATH, { model: 'gpt-5.5', stream: true, prompt: ['one', 'two'] })
  const text = await raw.text()
  expect(text.match(/\[DONE\]/g)).toHaveLength(1)
  expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
})

for (const stream of [true, false]) {
  test(`stop and max_tokens hold for each prompt alone (stream: ${stream})`, async () => {
    const gateway = await startGateway()
    answerLoudly(gateway, { long: { stream: [{ say: 'a b c d e f g h i j k l' }] } })
    const ask = { model: 'gpt-5.5', prompt: ['one END two', 'long'], stop: 'END', max_tokens: 6 }
    const text = await (await gateway.post(PATH, { ...ask, stream })).text()
    const answers: Completion[] = stream
      ? [...text.matchAll(/^data: (\{.*)$/gm)].map(([, json]) => JSON.parse(json ?? ''))
      : [JSON.parse(text)]
    const choices = answers.flatMap((answer) => answer.choices)
    const whole = [0, 1].map((wanted) => {
      const mine = choices.filter(({ index }) => index === wanted)
      return [mine.map((choice) => choice.text).join(''), mine.at(-1)?.finish_reason]
    })
    expect(whole).toEqual([
      ['ONE ', 'stop'],
      ['a b c d e f', 'length'],
    ])
  })
}

test('a failure of a later prompt is a true status, or a late error in a stream; what is behind it is not asked', async () => {
  const gateway = await startGateway()
  answerLoudly(gateway, { two: 'usage-limit' })
  const ask = { model: 'gpt-5.5', prompt: ['one', 'two', 'three'] }
  const whole = await gateway.post(PATH, ask)
  expect([whole.status, (await readError(whole)).code]).toEqual([429, 'usage_limit_reached'])
  const streamed = await gateway.post(PATH, { ...ask, stream: true })
  const text = await streamed.text()
  expect(streamed.status).toBe(200)
  expect(text).toContain('"index":0,"logprobs":null,"finish_reason":"stop"')
  const last = text.trimEnd().split('\n\n').at(-1) ?? ''
  expect(JSON.parse(last.replace(/^data: /, ''))).toMatchObject({ error: { code: 'usage_limit_reached' } })
  expect(gateway.simulator.requests.map(({ body }) => promptOf(body))).toEqual(['one', 'two', 'one', 'two'])
})

test('a failure of the first prompt is a true status, in a stream too', async () => {
  const gateway = await startGateway()
  gateway.simulator.play('usage-limit')
  const response = await gateway.post(PATH, { model: 'gpt-5.5', prompt: ['one', 'two'], stream: true })
  expect([response.status, (await readError(response)).code]).toEqual([429, 'usage_limit_reached'])
})

test('a client that leaves during one prompt’s answer ends that turn, and the next is never asked', async () => {
  const gateway = await startGateway()
  const { simulator } = gateway
  const begun = [ev.created(), ev.added(item.message('', { content: [] })), ev.text('Hel')]
  answerLoudly(gateway, { two: { stream: begun, end: 'stall' } })
  const leaving = new AbortController()
  const ask = { model: 'gpt-5.5', stream: true, prompt: ['one', 'two', 'three'] }
  const response = await gateway.post(PATH, ask, {}, leaving.signal)
  const reader = response.body?.getReader()
  await expect
    .poll(async () => Buffer.from((await reader?.read())?.value ?? []).toString(), { timeout: 5000 })
    .toContain('Hel')
  leaving.abort()
  await expect.poll(() => simulator.requests[1]?.closedAtMs, { timeout: 5000 }).toBeDefined()
  expect(simulator.requests).toHaveLength(2)
})

test.each<[object, string, string | null]>([
  [{ prompt: [[1, 2]] }, 'prompt', 'unsupported_parameter'],
  [{ prompt: 'a', echo: true }, 'echo', 'unsupported_parameter'],
  [{ prompt: 'a', suffix: 'b' }, 'suffix', 'unsupported_parameter'],
  [{ prompt: 'a', best_of: 3 }, 'best_of', 'unsupported_parameter'],
  [{ prompt: 'a', n: 2 }, 'n', 'unsupported_parameter'],
  [{ prompt: 'a', max_tokens: 0 }, 'max_tokens', null],
  [{ prompt: ['a', 7] }, 'prompt', 'unsupported_parameter'],
  [{}, 'prompt', null],
])('%j is refused, and nothing is sent', async (fields, param, code) => {
  const gateway = await startGateway()
  const response = await gateway.post(PATH, { model: 'gpt-5.5', ...fields })
  expect(response.status).toBe(400)
  expect(await readError(response)).toMatchObject({ param, code })
  expect(gateway.simulator.requests).toHaveLength(0)
})

test('a context that is too long is told of the prompt', async () => {
  const gateway = await startGateway()
  gateway.simulator.play('context-length-exceeded')
  const response = await gateway.post(PATH, { model: 'gpt-5.5', prompt: 'long' })
  expect(await readError(response)).toMatchObject({ code: 'context_length_exceeded', param: 'prompt' })
})
