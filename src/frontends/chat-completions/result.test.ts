import type { Response } from 'openai/resources/responses/responses'
import { expect, test } from 'vitest'
import type { JsonObject } from '../../lib/json.ts'
import { item, part, responseObject, SAMPLE_USAGE } from '../../simulator/events.ts'
import { type Capabilities, mergeCapabilities } from '../../turn/capabilities.ts'
import { toCompletionUsage } from '../../turn/completion-usage.ts'
import { parseChatRequest } from './request.ts'
import { toChatCompletion } from './result.ts'

function complete(response: JsonObject, fields: object = {}, layer: Partial<Capabilities> = {}): JsonObject {
  const body = { model: 'My-Model', messages: [{ role: 'user', content: 'Hello' }], ...fields }
  const turn = parseChatRequest(body, { headers: {}, keyId: '' })
  // What the simulator builds is what the backend sends: less than the type promises.
  return toChatCompletion(response as unknown as Response, turn, mergeCapabilities('chat', [layer]), 1_800_000_000)
}

/** The first choice of an answer with these items. */
function choice(output: JsonObject[], fields: object = {}, layer: Partial<Capabilities> = {}): unknown {
  const { choices } = complete(responseObject('resp_1', 'completed', { output }), fields, layer)
  const [{ message, finish_reason }] = choices as [{ message: JsonObject; finish_reason: string }]
  return [message, finish_reason]
}

const said = { role: 'assistant', content: null, refusal: null }

test('T-11: a text answer has content, finish and usage, under the client’s model string', () => {
  const output = [item.message('Hello')]
  expect(
    complete(responseObject('resp_1', 'completed', { output, usage: SAMPLE_USAGE, service_tier: 'default' })),
  ).toEqual({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1_795_384_000,
    model: 'My-Model',
    choices: [{ index: 0, message: { ...said, content: 'Hello' }, logprobs: null, finish_reason: 'stop' }],
    usage: {
      prompt_tokens: 100,
      completion_tokens: 20,
      total_tokens: 120,
      prompt_tokens_details: { cached_tokens: 40 },
      completion_tokens_details: { reasoning_tokens: 7 },
    },
    service_tier: 'default',
  })
})

test('what the backend left out is not made up, but for an id and the time', () => {
  const { id, ...rest } = complete({})
  expect(id).toMatch(/^chatcmpl-[0-9a-f]{24}$/)
  expect(rest).toEqual({
    object: 'chat.completion',
    created: 1_800_000_000,
    model: 'My-Model',
    choices: [{ index: 0, message: { ...said, content: '' }, logprobs: null, finish_reason: 'stop' }],
  })
})

test('usage: absent stays absent, 0 stays 0', () => {
  expect(toCompletionUsage(null)).toBeUndefined()
  expect(toCompletionUsage({ input_tokens: 0, output_tokens_details: {} })).toEqual({ prompt_tokens: 0 })
})

test('calls alone leave the content null; text beside them stays', () => {
  const call = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"a": 1}' } }
  expect(choice([item.functionCall('f', '{"a": 1}')])).toEqual([{ ...said, tool_calls: [call] }, 'tool_calls'])
  expect(choice([item.message('I look.'), item.functionCall('f', '{"a": 1}')])).toEqual([
    { ...said, content: 'I look.', tool_calls: [call] },
    'tool_calls',
  ])
})

test('T-15, T-23: reasoning is collected with blank lines; without text the content is empty', () => {
  expect(choice([item.reasoning(['One.', 'Two.']), item.reasoning(['Three.'], { id: 'rs_2' })])).toEqual([
    { ...said, content: '', reasoning_content: 'One.\n\nTwo.\n\nThree.' },
    'stop',
  ])
})

test('K-24: reasoning shows as the client asked', () => {
  const output = [item.reasoning(['Hm.']), item.message('Hi')]
  expect(choice(output, {}, { reasoning_output: 'think_tags' })).toEqual([
    { ...said, content: '<think>Hm.</think>Hi' },
    'stop',
  ])
  expect(choice(output, {}, { reasoning_output: 'none' })).toEqual([{ ...said, content: 'Hi' }, 'stop'])
})

test('T-16: custom calls keep their raw input for clients that declared them, and are functions for others', () => {
  const output = [item.customCall('patch', 'a "b"')]
  const custom = { id: 'call_1', type: 'custom', custom: { name: 'patch', input: 'a "b"' } }
  const wrapped = { id: 'call_1', type: 'function', function: { name: 'patch', arguments: '{"input":"a \\"b\\""}' } }
  const declared = { tools: [{ type: 'custom', custom: { name: 'patch' } }] }
  expect(choice(output, declared)).toEqual([{ ...said, tool_calls: [custom] }, 'tool_calls'])
  expect(choice(output)).toEqual([{ ...said, tool_calls: [wrapped] }, 'tool_calls'])
})

test('T-17: the old form is answered in the old form', () => {
  expect(choice([item.functionCall('f', '{}')], { functions: [{ name: 'f' }] })).toEqual([
    { ...said, function_call: { name: 'f', arguments: '{}' } },
    'function_call',
  ])
})

test('T-21: a refusal is no content', () => {
  expect(choice([item.refusal('I cannot.')])).toEqual([{ ...said, refusal: 'I cannot.' }, 'stop'])
})

test('T-22: annotations come in the chat form', () => {
  const citation = { url: 'https://example.com', title: 'Example', start_index: 0, end_index: 5 }
  const content = [part.text('Hello', [{ type: 'url_citation', ...citation }])]
  expect(choice([item.message('', { content })])).toEqual([
    { ...said, content: 'Hello', annotations: [{ type: 'url_citation', url_citation: citation }] },
    'stop',
  ])
})

test('hosted items are not shown', () => {
  expect(choice([item.webSearch('weather'), item.message('Hi')])).toEqual([{ ...said, content: 'Hi' }, 'stop'])
})

test('an incomplete answer tells why', () => {
  const finish = (reason: string) => {
    const response = responseObject('resp_1', 'incomplete', { incomplete_details: { reason } })
    const [first] = complete(response).choices as [JsonObject]
    return first.finish_reason
  }
  expect([finish('max_output_tokens'), finish('content_filter')]).toEqual(['length', 'content_filter'])
})

test('K-20: the text of a call is put behind the content', () => {
  const output = [item.message('I look. '), item.functionCall('my_tool', '{}')]
  const [message] = choice(output, {}, { tool_text_format: 'summary' }) as [JsonObject]
  expect(message.content).toBe('I look. [tool:my_tool] {}')
})
