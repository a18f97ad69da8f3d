import { expect, test } from 'vitest'
import { GatewayError } from '../../turn/errors.ts'
import type { Turn } from '../../turn/turn.ts'
import { parseChatRequest } from './request.ts'

const messages = [{ role: 'user', content: 'Hello' }]

function parse(fields: object): Turn {
  return parseChatRequest({ model: 'gpt-5.5', messages, ...fields }, { headers: {}, keyId: '' })
}

function refusal(fields: object) {
  try {
    parse(fields)
  } catch (error) {
    if (error instanceof GatewayError) return { code: error.code, param: error.param }
    throw error
  }
  return undefined
}

test('the least request asks for nothing that it does not say', () => {
  expect(parse({})).toEqual({
    endpoint: 'chat',
    model: 'gpt-5.5',
    stream: false,
    body: { input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hello' }] }] },
    stop: [],
    maxOutputTokens: undefined,
    includeUsage: false,
    legacyFunctions: false,
    customTools: new Set(),
    extras: {},
    dropped: [],
    adjusted: [],
    fieldOrder: ['model', 'messages'],
    capabilities: {},
    agent: undefined,
    systemPrompt: [],
    environment: {},
    conversationKey: undefined,
    store: false,
    previousResponseId: undefined,
    remoteImages: [],
    client: { family: undefined, keyId: '', codexHeaders: {} },
  })
})

test('P-01, P-07: fields no rule maps are extras in body order, whatever their value', () => {
  const fields = { temperature: 0, top_p: 1, seed: 7, user: 'u', metadata: {}, logprobs: true, new_field: '' }
  expect(Object.entries(parse(fields).extras)).toEqual(Object.entries(fields))
})

test('P-06: null and what happens anyway is neither extra nor refused', () => {
  const fields = {
    n: 1,
    logprobs: false,
    top_logprobs: 0,
    store: false,
    modalities: ['text'],
    truncation: 'disabled',
    background: false,
    temperature: null,
    stop: null,
    max_tokens: null,
    tools: null,
    tool_choice: null,
    response_format: null,
    reasoning_effort: null,
    audio: null,
    stream_options: null,
  }
  expect(parse(fields)).toEqual({ ...parse({}), fieldOrder: ['model', 'messages', ...Object.keys(fields)] })
})

test('P-05: several answers and audio are refused', () => {
  const cases: [object, string][] = [
    [{ n: 2 }, 'n'],
    [{ n: '1' }, 'n'],
    [{ modalities: ['text', 'audio'] }, 'modalities'],
    [{ audio: { voice: 'alloy', format: 'mp3' } }, 'audio'],
  ]
  for (const [fields, param] of cases) expect(refusal(fields)).toEqual({ code: 'unsupported_parameter', param })
})

test('P-08, P-09: stop is a text or a list of them', () => {
  expect(parse({ stop: 'END' }).stop).toEqual(['END'])
  expect(parse({ stop: ['x', 'yy', ' ', '\n'] }).stop).toEqual(['x', 'yy', ' ', '\n'])
})

test('P-11: other stops are refused', () => {
  for (const stop of ['', [], ['a', ''], ['1', '2', '3', '4', '5'], 5, [5], {}]) {
    expect(refusal({ stop })).toEqual({ code: null, param: 'stop' })
  }
})

test('P-12: the smallest of the token limits counts', () => {
  expect(parse({ max_tokens: 5 }).maxOutputTokens).toBe(5)
  expect(parse({ max_tokens: 9, max_completion_tokens: 7, max_output_tokens: 8 }).maxOutputTokens).toBe(7)
})

test('P-15: a token limit is an integer of at least 1', () => {
  for (const value of [0, -1, '5', 1.5, true]) {
    expect(refusal({ max_tokens: value })).toEqual({ code: null, param: 'max_tokens' })
    expect(refusal({ max_completion_tokens: value })).toEqual({ code: null, param: 'max_completion_tokens' })
  }
})

test('T-08: response_format becomes text.format', () => {
  const schema = { type: 'object', properties: {}, additionalProperties: false }
  const named = { name: 'answer', description: 'd', schema, strict: true }
  expect(parse({ response_format: { type: 'json_schema', json_schema: named } }).body.text).toEqual({
    format: { type: 'json_schema', ...named },
  })
  expect(parse({ response_format: { type: 'json_object' } }).body.text).toEqual({ format: { type: 'json_object' } })
  expect(parse({ response_format: { type: 'text' } }).body.text).toBeUndefined()
})

test('T-09: a strict response schema with an open object is refused with its path', () => {
  const schema = { type: 'object', properties: {} }
  expect(
    refusal({ response_format: { type: 'json_schema', json_schema: { name: 'a', schema, strict: true } } }),
  ).toEqual({
    code: 'invalid_json_schema',
    param: 'response_format.json_schema.schema',
  })
  const lax = { response_format: { type: 'json_schema', json_schema: { name: 'a', schema, strict: false } } }
  expect(refusal(lax)).toBeUndefined()
})

test('an unknown response_format is refused', () => {
  expect(refusal({ response_format: { type: 'yaml' } })).toEqual({ code: null, param: 'response_format.type' })
  expect(refusal({ response_format: {} })).toEqual({ code: null, param: 'response_format.type' })
  expect(refusal({ response_format: 'json' })).toEqual({ code: null, param: 'response_format' })
})

test('effort, summary, verbosity and tier are passed on as words, unchecked', () => {
  const { body } = parse({ reasoning_effort: 'Banana', verbosity: 'low', service_tier: 'bogus' })
  expect([body.reasoning, body.text, body.service_tier]).toEqual([{ effort: 'Banana' }, { verbosity: 'low' }, 'bogus'])
  expect(parse({ reasoning: { effort: 'low', summary: 'detailed' } }).body.reasoning).toEqual({
    effort: 'low',
    summary: 'detailed',
  })
  expect(parse({ reasoning_effort: 'high', reasoning: { effort: 'low' } }).body.reasoning).toEqual({ effort: 'high' })
})

test('words that are no strings are refused', () => {
  for (const name of ['reasoning_effort', 'verbosity', 'service_tier']) {
    expect(refusal({ [name]: 5 })).toEqual({ code: null, param: name })
  }
  expect(refusal({ reasoning: { effort: 5 } })).toEqual({ code: null, param: 'reasoning.effort' })
})

test('other keys of reasoning are reported with their path', () => {
  expect(parse({ reasoning: { effort: 'low', max_tokens: 9, exclude: null } }).dropped).toEqual([
    'reasoning.max_tokens',
  ])
})

test('T-24: parallel_tool_calls is as sent; the old form, which has room for one call, asks for one', () => {
  expect(parse({ parallel_tool_calls: true }).body.parallel_tool_calls).toBe(true)
  expect(parse({ parallel_tool_calls: false }).body.parallel_tool_calls).toBe(false)
  expect('parallel_tool_calls' in parse({}).body).toBe(false)
  expect(parse({ functions: [{ name: 'f' }] }).body.parallel_tool_calls).toBe(false)
})

test('stream_options are read, unknown ones ignored', () => {
  const turn = parse({ stream: true, stream_options: { include_usage: true, include_obfuscation: false } })
  expect([turn.stream, turn.includeUsage, turn.extras, turn.dropped]).toEqual([true, true, {}, []])
  expect(refusal({ stream_options: { include_usage: 'yes' } })).toEqual({
    code: null,
    param: 'stream_options.include_usage',
  })
})

test('messages missing, empty or no list are refused', () => {
  for (const value of [undefined, null, [], 'hi']) {
    expect(refusal({ messages: value })).toEqual({ code: null, param: 'messages' })
  }
})

test('K-13, K-14: parameters nested in extra_body count as if they stood at the top, unless the top has them', () => {
  const extra_body = { reasoning_effort: 'low', verbosity: 'high', temperature: 1, codex_capabilities: {} }
  const turn = parse({ reasoning_effort: 'high', extra_body })
  expect([turn.body.reasoning, turn.body.text, turn.extras]).toEqual([
    { effort: 'high' },
    { verbosity: 'high' },
    { temperature: 1 },
  ])
})

test('T-29: the same request makes the same bytes', () => {
  const fields = { tools: [{ type: 'function', function: { name: 'f' } }], tool_choice: 'auto', verbosity: 'low' }
  expect(JSON.stringify(parse(fields))).toBe(JSON.stringify(parse(fields)))
})

test('T-28: the usual request of a desktop client passes', () => {
  const turn = parse({
    messages: [{ role: 'user', name: 'ann', content: 'Hello' }],
    temperature: 0.7,
    top_p: 1,
    max_tokens: 4096,
    stream: true,
    stream_options: { include_usage: true },
  })
  expect([turn.extras, turn.dropped, turn.maxOutputTokens]).toEqual([
    { temperature: 0.7, top_p: 1 },
    ['messages.name'],
    4096,
  ])
})
