import { request as httpRequest } from 'node:http'
import { expect, test } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { ev, item } from '../../src/simulator/events.ts'
import { defaultText, errorOf, itemsOf, RESPONSES, respond, sentBy } from '../support/ask.ts'
import { startGateway } from '../support/gateway.ts'
import { eventsOf } from '../support/simulator.ts'

const REASONING = 'reasoning.encrypted_content'
const user = (text: string) => ({ type: 'message', role: 'user', content: [{ type: 'input_text', text }] })
const CLI = { 'user-agent': 'codex_exec/0.169.0 (Debian 12.0.0; x86_64)', originator: 'codex_exec' }

/** The body without what only names the conversation. */
function unnamed({ prompt_cache_key: _key, ...body }: JsonObject): JsonObject {
  return body
}

test('R-01: a passthrough body reaches the backend as it is, but for the listed changes', async () => {
  const gateway = await startGateway()
  const kept = {
    tools: [
      { type: 'function', name: 'f', description: 'd', parameters: { type: 'object', properties: {} }, strict: false },
      { type: 'custom', name: 'patch', format: { type: 'grammar', syntax: 'lark', definition: 'start: "x"' } },
      { type: 'namespace', name: 'mcp', description: 'n', tools: [{ type: 'function', name: 'g', parameters: null }] },
    ],
    tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'f' }] },
    parallel_tool_calls: false,
    reasoning: { effort: 'high', summary: 'detailed' },
    text: { verbosity: 'high', format: { type: 'json_schema', name: 's', schema: { type: 'object' }, strict: false } },
    service_tier: 'priority',
    client_metadata: { a: 'b' },
    prompt_cache_key: 'my key',
  }
  const items = [
    { type: 'message', role: 'user', content: [{ type: 'input_text', text: ' Hi é“中 ' }], metadata: { turn: '1' } },
    { type: 'reasoning', summary: [{ type: 'summary_text', text: 's' }], encrypted_content: 'gAAA+/=' },
    { type: 'message', role: 'assistant', phase: 'commentary', content: [{ type: 'output_text', text: 'a' }] },
    { type: 'function_call', call_id: 'call_1', name: 'f', arguments: '{ "a" : 1.0 }' },
    { type: 'function_call_output', call_id: 'call_1', output: [{ type: 'input_text', text: 'o' }] },
    { type: 'some_future_item', anything: { goes: [1, null, true] } },
    { role: 'user', content: 'plain' },
  ]
  const body = {
    model: 'openai-codex:gpt-5.5',
    ...kept,
    instructions: 'Mine.',
    input: items,
    include: ['x.y'],
    store: true,
  }
  const { sent, headers } = await sentBy(gateway, gateway.post(RESPONSES, body))
  expect(sent).toEqual({
    ...kept,
    model: 'gpt-5.5',
    instructions: 'Mine.',
    input: items,
    include: ['x.y', REASONING],
    stream: true,
    store: false,
  })
  expect(headers.get('x-codexway-dropped-params')).toBeNull()
})

test('R-02: a string is one user message; an empty input is refused', async () => {
  const gateway = await startGateway()
  const { sent } = await sentBy(gateway, respond(gateway, { input: 'Hello “you”' }))
  expect(sent.input).toEqual([user('Hello “you”')])
  for (const input of [[], '', undefined, null, 5, {}]) {
    const { status, param } = await errorOf(await respond(gateway, { input }))
    expect([status, param]).toEqual([400, 'input'])
  }
  expect(gateway.simulator.requests).toHaveLength(1)
})

test('R-03: without instructions the backend gets D, from the Codex CLI it does not', async () => {
  const gateway = await startGateway()
  for (const instructions of [undefined, null, '', '  \n']) {
    const { sent } = await sentBy(gateway, respond(gateway, { instructions }))
    expect(sent.instructions).toBe(defaultText(gateway.simulator))
  }
  const classic = await sentBy(gateway, respond(gateway, {}, CLI))
  expect(classic.sent.instructions).toBe('')
  const base = { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'The CLI’s own.' }] }
  const lite = [{ type: 'additional_tools', role: 'developer', tools: [] }, base, user('Hi')]
  const own = await sentBy(gateway, respond(gateway, { model: 'gpt-5.6-sol', input: lite }, CLI))
  expect([own.sent.instructions, own.sent.input]).toEqual([undefined, lite])
})

test('R-04: the stream is the backend’s own, without its private events and without [DONE]', async () => {
  const { post, simulator } = await startGateway()
  const frames = [
    'event: response.created\ndata: {"type":"response.created","response":{"id":"resp_1","object":"response","output":[] }}\n\n',
    'data: {"item":{"id":"ws_1", "type":"web_search_call","status":"in_progress"},"type":"response.output_item.added","output_index":0,"sequence_number":7}\n\n',
    ': a comment\n\nevent: codex.rate_limits\ndata: {"type":"codex.rate_limits","rate_limits":{}}\n\n',
    'event: response.web_search_call.searching\ndata: {"type":"response.web_search_call.searching","output_index":0,"item_id":"ws_1"}\n\n',
    'event: response.brand_new\ndata: {"type":"response.brand_new","x":1.50}\n\n',
    'data: {"item":{"id":"ws_1", "type":"web_search_call","status":"completed"},"type":"response.output_item.done","output_index":0,"sequence_number":12}\n\n',
    'event: response.completed\ndata: {"type":"response.completed","response":{"id":"resp_1","output":[{"id":"ws_1", "type":"web_search_call"}]}}\n\n',
  ]
  simulator.play({ stream: [...frames, ': the end\n\ndata: [DONE]\n\n'] })
  const text = await (await post(RESPONSES, { model: 'gpt-5.5', input: 'x', stream: true })).text()
  expect(text).toBe(frames.filter((frame) => !frame.includes('codex.')).join(''))
})

test('R-05: an answer in one piece is the final response object as it is', async () => {
  const gateway = await startGateway()
  const completed = ev.completed('resp_8', {
    output: [item.reasoning(['Hm.'], { encrypted_content: 'gAAA' }), item.message('Hi')],
    usage: { input_tokens: 1, input_tokens_details: { cached_tokens: 0, cache_write_tokens: 3 }, output_tokens: 2 },
    something_new: { a: [1] },
  })
  gateway.simulator.play({ stream: [ev.created('resp_8'), ev.rateLimits(), completed] })
  const { answer } = await sentBy(gateway, respond(gateway))
  expect(answer).toEqual(completed.response)
})

test('R-06: store is false at the backend whatever the client says, and no report is made of it', async () => {
  const gateway = await startGateway()
  for (const store of [true, false, null, undefined]) {
    const { sent, headers } = await sentBy(gateway, respond(gateway, { store }))
    expect([sent.store, headers.get('x-codexway-dropped-params')]).toEqual([false, null])
  }
})

test('R-08: hosted tools go as they are, the old web search under its present name', async () => {
  const gateway = await startGateway()
  const search = { filters: { allowed_domains: ['example.com'] }, search_context_size: 'low' }
  const tools = [
    { type: 'web_search', ...search },
    { type: 'image_generation', output_format: 'png' },
  ]
  expect((await sentBy(gateway, respond(gateway, { tools }))).sent.tools).toEqual(tools)
  for (const type of ['web_search_preview', 'web_search_preview_2025_03_11']) {
    const { sent } = await sentBy(gateway, respond(gateway, { tools: [{ type, ...search }] }))
    expect(sent.tools).toEqual([{ type: 'web_search', ...search }])
  }
})

test('R-09, R-11: ids, statuses and the system role are what items lose', async () => {
  const gateway = await startGateway()
  const input = [
    { id: 'msg_0', type: 'message', role: 'system', content: [{ type: 'input_text', text: 'Rules.' }] },
    { role: 'system', content: 'More rules.' },
    { id: 'msg_a', type: 'message', role: 'user', status: 'completed', content: [{ type: 'input_text', text: 'Go' }] },
    { id: 'rs_a', type: 'reasoning', summary: [], content: null, encrypted_content: 'gAAA', status: 'completed' },
    { id: 'call_1', type: 'function_call', call_id: 'call_1', name: 'f', arguments: '{}', status: 'completed' },
    { id: 'fc_call_1', type: 'function_call_output', call_id: 'call_1', output: 'done', status: 'completed' },
    { id: 'ctc_b', type: 'custom_tool_call', call_id: 'call_2', name: 'p', input: 'x', status: 'completed' },
    { id: 'z', type: 'custom_tool_call_output', call_id: 'call_2', output: 'ok' },
    { type: 'message', role: 'system', content: 'At the end.' },
  ]
  const { sent } = await sentBy(gateway, respond(gateway, { input }))
  expect(sent.input).toEqual([
    { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'Rules.' }] },
    { role: 'developer', content: 'More rules.' },
    { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Go' }] },
    { type: 'reasoning', summary: [], encrypted_content: 'gAAA' },
    { type: 'function_call', call_id: 'call_1', name: 'f', arguments: '{}' },
    { type: 'function_call_output', call_id: 'call_1', output: 'done' },
    { type: 'custom_tool_call', call_id: 'call_2', name: 'p', input: 'x' },
    { type: 'custom_tool_call_output', call_id: 'call_2', output: 'ok' },
    { type: 'message', role: 'developer', content: 'At the end.' },
  ])
})

test('R-13: items of the Codex CLI’s own pass untouched', async () => {
  const gateway = await startGateway()
  const input = [
    user('Hi'),
    { type: 'compaction', encrypted_content: 'gAAA' },
    { type: 'configuration_update', reasoning: { effort: 'high' }, nested: [{ a: null }] },
    { type: 'custom_tool_call', call_id: 'call_1', name: 'apply_patch', input: '*** Begin\n', extra: { x: 1 } },
    { type: 'custom_tool_call_output', call_id: 'call_1', name: 'apply_patch', output: 'ok' },
    { type: 'tool_search_call', call_id: 'ts_1', execution: 'client', arguments: { query: 'q' } },
    { type: 'compaction_trigger' },
  ]
  const { sent } = await sentBy(gateway, respond(gateway, { input, stream: true }, CLI))
  expect(sent.input).toEqual(input)
  expect(itemsOf(sent).at(-1)).toEqual({ type: 'compaction_trigger' })
})

test('R-14: where WebSockets are switched off, an upgrade is answered with 426 in OpenAI’s form', async () => {
  const { url, simulator } = await startGateway({ yaml: 'server: { websocket: false }' })
  const headers = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  }
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number | undefined; text: string }>()
  const sending = httpRequest(`${url}${RESPONSES}`, { headers, timeout: 5000 }, async (response) => {
    let text = ''
    for await (const chunk of response.setEncoding('utf8')) text += chunk
    resolve({ status: response.statusCode, text })
  })
  sending.on('error', reject).end()
  const { status, text } = await promise
  expect([status, JSON.parse(text)]).toEqual([
    426,
    { error: { message: expect.any(String), type: 'invalid_request_error', param: null, code: 'upgrade_required' } },
  ])
  expect(simulator.requests).toEqual([])
})

test('R-15: an incomplete response is a 200 that says why', async () => {
  const gateway = await startGateway()
  for (const reason of ['max_output_tokens', 'content_filter']) {
    gateway.simulator.play({ stream: [{ created: true }, { text: 'Hel' }, { incomplete: { reason } }] })
    const { answer } = await sentBy(gateway, respond(gateway))
    expect(answer).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason },
      output: [{ type: 'message', content: [{ text: 'Hel' }] }],
    })
  }
})

test('profile A: without passthrough instructions become input, and unknown items still pass', async () => {
  const yaml = 'backends: {openai_codex: {extra: {codex: {default_capabilities: {codex_passthrough: false}}}}}'
  const gateway = await startGateway({ yaml })
  const input = [user('Hi'), { type: 'some_future_item', x: [1] }]
  const { sent } = await sentBy(gateway, respond(gateway, { instructions: 'X', input }))
  expect(sent.instructions).toBe(defaultText(gateway.simulator))
  expect(sent.input).toEqual([
    { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'X' }] },
    ...input,
  ])
})

test('what is absent stays absent: the smallest request gains nothing but the listed fields', async () => {
  const gateway = await startGateway()
  const { sent } = await sentBy(gateway, gateway.post(RESPONSES, { model: 'gpt-5.5', input: [user('Hi')] }))
  expect(unnamed(sent)).toEqual({
    model: 'gpt-5.5',
    instructions: defaultText(gateway.simulator),
    stream: true,
    input: [user('Hi')],
    store: false,
    include: [REASONING],
  })
})

test('R-12: a stream that leaves out its deltas and its final output is whole at the client', async () => {
  const { post, client, simulator } = await startGateway()
  const call = item.functionCall('f', '{"a":1}')
  const stream = [ev.created(), ev.done(item.message('one')), ev.done(call, 1), ev.responseDone()]
  simulator.play({ stream }, { stream })
  const events = await eventsOf(await post(RESPONSES, { model: 'gpt-5.5', input: 'x', stream: true }))
  expect(events.at(-1)).toMatchObject({ type: 'response.completed', response: { output: [item.message('one'), call] } })
  const read = await client.responses.stream({ model: 'gpt-5.5', input: 'x' }).finalResponse()
  expect(read.output_text).toBe('one')
  expect(read.output[1]).toMatchObject(call)
})
