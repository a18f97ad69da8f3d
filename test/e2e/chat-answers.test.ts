import { expect, test } from 'vitest'
import { arrayAt, isObject, type JsonObject, objectAt, stringAt } from '../../src/lib/json.ts'
import { ev, item } from '../../src/simulator/events.ts'
import type { ScenarioInput, StepInput } from '../../src/simulator/scenario.ts'
import { chat, framesOf, sentFor } from '../support/ask.ts'
import { type Running, startGateway } from '../support/gateway.ts'

const turn = (...steps: StepInput[]): ScenarioInput => ({ stream: [{ created: true }, ...steps, { completed: true }] })
const patch = { type: 'custom', custom: { name: 'patch', format: { type: 'text' } } }
const citation = { type: 'url_citation', url: 'https://example.com', title: 'x', start_index: 0, end_index: 2 }
const call = (id: string, name: string, args: string) => ({ id, type: 'function', function: { name, arguments: args } })

interface Answer {
  readonly message: JsonObject
  readonly finish: unknown
}

interface Row {
  readonly title: string
  readonly answer: ScenarioInput
  readonly fields?: object
  readonly message: JsonObject
  readonly finish: string
}

const ROWS: Row[] = [
  {
    title: 'T-15: a reasoning summary of two parts, a blank line between, once and under one key',
    answer: turn({ reasoning: { summary: ['First.', 'Second.'], encrypted_content: 'gAAA' } }, { text: 'Hi' }),
    message: { content: 'Hi', reasoning_content: 'First.\n\nSecond.' },
    finish: 'stop',
  },
  {
    title: 'T-16: a custom call comes back custom, its input raw, to who declared it so',
    answer: turn({ custom_tool_call: { name: 'patch', input: 'a\n"b" {', call_id: 'call_1' } }),
    fields: { tools: [patch] },
    message: { tool_calls: [{ id: 'call_1', type: 'custom', custom: { name: 'patch', input: 'a\n"b" {' } }] },
    finish: 'tool_calls',
  },
  {
    title: 'T-16: and a function to others',
    answer: turn({ custom_tool_call: { name: 'patch', input: 'a"', call_id: 'call_1' } }),
    message: { tool_calls: [call('call_1', 'patch', '{"input":"a\\""}')] },
    finish: 'tool_calls',
  },
  {
    title: 'T-17: the old form is answered in the old form',
    answer: turn({ tool_call: { name: 'f', arguments: '{"a":1}' } }),
    fields: { functions: [{ name: 'f' }] },
    message: { function_call: { name: 'f', arguments: '{"a":1}' } },
    finish: 'function_call',
  },
  {
    title: 'T-21: a refusal is one',
    answer: turn({ refusal: 'I will not.' }),
    message: { refusal: 'I will not.' },
    finish: 'stop',
  },
  {
    title: 'T-22: citations',
    answer: turn({ text: 'So', annotations: [citation] }),
    message: {
      content: 'So',
      annotations: [
        {
          type: 'url_citation',
          url_citation: { url: 'https://example.com', title: 'x', start_index: 0, end_index: 2 },
        },
      ],
    },
    finish: 'stop',
  },
  {
    title: 'T-23: reasoning without text',
    answer: turn({ reasoning: { summary: ['Hm.'] } }),
    message: { content: '', reasoning_content: 'Hm.' },
    finish: 'stop',
  },
  {
    title: 'T-13: interleaved parallel calls',
    answer: turn({
      parallel: [
        { name: 'f', arguments: '{"a": [1, 2, 3]}', call_id: 'call_1', deltas: 5 },
        { name: 'g', arguments: '{"b": "é“☀"}', call_id: 'call_2', deltas: 3 },
      ],
      interleave: true,
    }),
    message: { tool_calls: [call('call_1', 'f', '{"a": [1, 2, 3]}'), call('call_2', 'g', '{"b": "é“☀"}')] },
    finish: 'tool_calls',
  },
  {
    title: 'a call without deltas',
    answer: turn({ tool_call: { name: 'f', arguments: '{"a":1}', call_id: 'call_1', delta_less: true } }),
    message: { tool_calls: [call('call_1', 'f', '{"a":1}')] },
    finish: 'tool_calls',
  },
  {
    title: 'T-30: an empty final output loses nothing',
    answer: {
      stream: [
        { created: true },
        { reasoning: { summary: ['Hm.'] } },
        { text: 'Hi' },
        { tool_call: { name: 'f', arguments: '{}', call_id: 'call_1' } },
        { completed: { output: 'empty' } },
      ],
    },
    message: { content: 'Hi', reasoning_content: 'Hm.', tool_calls: [call('call_1', 'f', '{}')] },
    finish: 'tool_calls',
  },
  {
    title: 'T-30: nor do items that never end',
    answer: {
      stream: [
        ev.created(),
        ev.added(item.message('', { content: [], status: 'in_progress' })),
        ev.text('Hi'),
        ev.toolCall('f', 'call_1', { outputIndex: 1, itemId: 'fc_1' }),
        ev.toolArgs('{"a":', { outputIndex: 1 }),
        ev.toolArgs('1}', { outputIndex: 1 }),
        ev.completed(),
      ],
    },
    message: { content: 'Hi', tool_calls: [call('call_1', 'f', '{"a":1}')] },
    finish: 'tool_calls',
  },
  {
    title: 'hosted calls are not shown',
    answer: turn({ web_search_call: { query: 'q' } }, { text: 'Found.' }),
    message: { content: 'Found.' },
    finish: 'stop',
  },
  {
    title: 'a cut by the content filter',
    answer: { stream: [{ created: true }, { text: 'Hel' }, { incomplete: { reason: 'content_filter' } }] },
    message: { content: 'Hel' },
    finish: 'content_filter',
  },
]

for (const { title, answer, fields = {}, message, finish } of ROWS) {
  test(`${title} (whole)`, async () => {
    const gateway = await startGateway()
    gateway.simulator.play(answer)
    const whole = (await sentFor(gateway, fields)).answer
    const [choice] = (arrayAt(whole, 'choices') ?? []).filter(isObject)
    expect(withoutNothing(objectAt(choice ?? {}, 'message') ?? {})).toEqual({ role: 'assistant', ...message })
    expect([choice?.finish_reason, whole.model]).toEqual([finish, 'openai-codex:gpt-5.5'])
    expect(objectAt(whole, 'usage')).toBeDefined()
  })

  for (const chunking of [undefined, 'byte'] as const) {
    test(`${title} (streamed${chunking === undefined ? '' : ', a byte a write'})`, async () => {
      const gateway = await startGateway()
      gateway.simulator.play(chunking === undefined ? answer : { ...answer, chunking, newline: 'crlf' })
      const streamed = await readStream(gateway, fields)
      expect(withoutNothing(streamed.message)).toEqual({ role: 'assistant', ...message })
      expect(streamed.finish).toBe(finish)
    })
  }
}

/** Members that say nothing: the stream has no way to say null. */
function withoutNothing(message: JsonObject): JsonObject {
  const { content, refusal, ...rest } = message
  const hasCalls = rest.tool_calls !== undefined || rest.function_call !== undefined
  const isSilent = content === null || (content === '' && (hasCalls || (refusal ?? null) !== null))
  return { ...rest, ...(isSilent ? {} : { content }), ...((refusal ?? null) === null ? {} : { refusal }) }
}

/** Adds up the deltas of a stream as a client does, and checks what holds for every chunk. */
async function readStream(gateway: Running, fields: object): Promise<Answer> {
  const frames = await framesOf(await chat(gateway, { ...fields, stream: true }))
  expect(frames.at(-1)).toBe('[DONE]')
  const chunks = frames.filter(isObject)
  expect(new Set(chunks.map(({ id, model, created, object }) => `${id} ${model} ${created} ${object}`)).size).toBe(1)
  const choices = chunks.flatMap((chunk) => (arrayAt(chunk, 'choices') ?? []).filter(isObject))
  const deltas = choices.map((choice) => objectAt(choice, 'delta') ?? {})
  expect(deltas[0]).toEqual({ role: 'assistant', content: '' })
  const message: JsonObject = {}
  for (const delta of deltas) addDelta(message, delta)
  const finishes = choices.flatMap(({ finish_reason: finish }) => finish ?? [])
  expect(finishes).toHaveLength(1)
  return { message, finish: finishes[0] }
}

function addDelta(message: JsonObject, delta: JsonObject): void {
  for (const [key, value] of Object.entries(delta)) {
    if (key === 'tool_calls') {
      const calls = arrayAt(message, key) ?? []
      message[key] = calls
      for (const { index, ...part } of value as (JsonObject & { index: number })[]) {
        const known = calls[index]
        if (isObject(known)) addCall(known, part)
        else {
          expect(index).toBe(calls.length)
          calls.push(structuredClone(part))
        }
      }
    } else if (key === 'annotations') message[key] = [...(arrayAt(message, key) ?? []), ...(value as unknown[])]
    else if (key === 'function_call') {
      const known = objectAt(message, key) ?? {}
      message[key] = known
      addTexts(known, value as JsonObject)
    } else if (key === 'role') message[key] = value
    else addTexts(message, { [key]: value })
  }
}

function addCall(known: JsonObject, part: JsonObject): void {
  for (const key of ['function', 'custom']) addTexts(objectAt(known, key) ?? {}, objectAt(part, key) ?? {})
}

function addTexts(target: JsonObject, source: JsonObject): void {
  for (const [key, value] of Object.entries(source)) target[key] = (stringAt(target, key) ?? '') + String(value)
}
