import { expect, test } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { chat, defaultText, errorOf, HELLO, itemsOf, messagesOf, respond, sentBy, sentFor } from '../support/ask.ts'
import { startGateway } from '../support/gateway.ts'

const user = (text: string) => ({ type: 'message', role: 'user', content: [{ type: 'input_text', text }] })
const call = (id: string, name = 'f') => ({ id, type: 'function', function: { name, arguments: '{ "a": 1.0 }' } })
const callItem = (id: string, name = 'f') => ({ type: 'function_call', call_id: id, name, arguments: '{ "a": 1.0 }' })
const strictSchema = {
  type: 'object',
  properties: { a: { type: 'string' } },
  required: ['a'],
  additionalProperties: false,
}
const openSchema = {
  type: 'object',
  properties: { a: { type: 'object', properties: {} } },
  required: ['a'],
  additionalProperties: false,
}
const declared = { parameters: { type: 'object', properties: {} } }
const tool = (name: string, fields: object = {}) => ({ type: 'function', function: { name, ...declared, ...fields } })
const flat = (name: string, fields: object = {}) => ({ type: 'function', name, ...declared, strict: false, ...fields })

/** What the messages become, the tools given. */
const CONVERSATIONS: [id: string, messages: object[], input: object[]][] = [
  [
    'T-04: text, calls and results keep order, ids and bytes',
    [
      ...HELLO,
      { role: 'assistant', content: 'I look.', tool_calls: [call('call_1'), call('call_2')] },
      { role: 'tool', tool_call_id: 'call_2', content: '{"ok": true}' },
      { role: 'tool', tool_call_id: 'call_1', content: '' },
    ],
    [
      user('Hello'),
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'I look.' }] },
      callItem('call_1'),
      callItem('call_2'),
      { type: 'function_call_output', call_id: 'call_2', output: '{"ok": true}' },
      { type: 'function_call_output', call_id: 'call_1', output: '' },
    ],
  ],
  [
    'T-06: a result without its call becomes a developer note',
    [...HELLO, { role: 'tool', tool_call_id: 'call_9', content: 'sun' }],
    [
      user('Hello'),
      {
        type: 'message',
        role: 'developer',
        content: [{ type: 'input_text', text: 'Result of an earlier tool call (id call_9):\nsun' }],
      },
    ],
  ],
  [
    'T-16: a custom call and its result go up in the custom form',
    [
      ...HELLO,
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c1', type: 'custom', custom: { name: 'patch', input: 'a\n"b"' } }],
      },
      { role: 'tool', tool_call_id: 'c1', content: 'ok' },
    ],
    [
      user('Hello'),
      { type: 'custom_tool_call', call_id: 'c1', name: 'patch', input: 'a\n"b"' },
      { type: 'custom_tool_call_output', call_id: 'c1', output: 'ok' },
    ],
  ],
  [
    'T-18: system messages, also in the middle and with array content, are developer input in their places',
    [
      { role: 'system', content: 'One “é”  ' },
      ...HELLO,
      {
        role: 'system',
        content: [
          { type: 'text', text: 'Two' },
          { type: 'text', text: 'Three' },
        ],
      },
      { role: 'developer', content: 'Four' },
      { role: 'user', content: 'Go' },
    ],
    [
      { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'One “é”  ' }] },
      user('Hello'),
      {
        type: 'message',
        role: 'developer',
        content: [
          { type: 'input_text', text: 'Two' },
          { type: 'input_text', text: 'Three' },
        ],
      },
      { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'Four' }] },
      user('Go'),
    ],
  ],
]

for (const [title, messages, input] of CONVERSATIONS) {
  test(title, async () => {
    const gateway = await startGateway()
    const { sent, headers } = await sentFor(gateway, { messages })
    expect(sent.input).toEqual(input)
    expect(headers.get('x-codexway-dropped-params')).toBeNull()
  })
}

test('T-18: the same on /v1/responses', async () => {
  const gateway = await startGateway()
  const input = [
    { role: 'system', content: 'One' },
    { role: 'user', content: 'Hello' },
    { type: 'message', role: 'system', content: [{ type: 'input_text', text: 'Two' }] },
  ]
  const { sent } = await sentBy(gateway, respond(gateway, { input }))
  expect(messagesOf(sent)).toEqual([
    ['developer', 'One'],
    ['user', 'Hello'],
    ['developer', 'Two'],
  ])
})

/** What is refused before the backend is called, with the place at fault. */
const REFUSALS: [id: string, fields: object, code: string | null, param: string][] = [
  [
    'T-05: a result without an id',
    { messages: [...HELLO, { role: 'tool', content: 'x' }] },
    null,
    'messages[1].tool_call_id',
  ],
  [
    'T-07: a call without its result',
    { messages: [...HELLO, { role: 'assistant', tool_calls: [call('call_7')] }, ...HELLO] },
    'missing_tool_output',
    'messages[1].tool_calls[0]',
  ],
  [
    'T-09: an open object in a strict response format',
    { response_format: { type: 'json_schema', json_schema: { name: 's', strict: true, schema: openSchema } } },
    'invalid_json_schema',
    'response_format.json_schema.schema.properties.a',
  ],
  [
    'T-09: an open object in a strict tool',
    { tools: [tool('ok'), tool('f', { strict: true, parameters: openSchema })] },
    'invalid_function_parameters',
    'tools[1].function.parameters.properties.a',
  ],
  ['T-20: a name used twice', { tools: [tool('f'), tool('g'), tool('f')] }, null, 'tools[2]'],
  ['T-20: a tool without a name', { tools: [tool('f'), { type: 'function', function: declared }] }, null, 'tools[1]'],
  ['an unknown role', { messages: [{ role: 'robot', content: 'x' }] }, null, 'messages[0].role'],
  [
    'an unknown part',
    { messages: [{ role: 'user', content: [{ type: 'video' }] }] },
    null,
    'messages[0].content[0].type',
  ],
]

for (const [title, fields, code, param] of REFUSALS) {
  test(`${title} is refused with its path, the backend is not called`, async () => {
    const gateway = await startGateway()
    for (const stream of [true, false]) {
      const error = await errorOf(await chat(gateway, { ...fields, stream }))
      expect([error.status, error.type, error.code, error.param]).toEqual([400, 'invalid_request_error', code, param])
      if (code === 'missing_tool_output') expect(error.message).toContain('call_7')
    }
    expect(gateway.simulator.requests).toEqual([])
  })
}

/** Members of the backend's body that other request fields become. */
const FIELDS: [id: string, fields: object, sent: JsonObject][] = [
  [
    'T-08: response_format json_schema',
    {
      response_format: {
        type: 'json_schema',
        json_schema: { name: 's', description: 'd', schema: strictSchema, strict: true },
      },
    },
    {
      text: {
        verbosity: 'low',
        format: { type: 'json_schema', name: 's', description: 'd', schema: strictSchema, strict: true },
      },
    },
  ],
  [
    'T-08: response_format json_object',
    { response_format: { type: 'json_object' } },
    { text: { verbosity: 'low', format: { type: 'json_object' } } },
  ],
  ['T-08: response_format text', { response_format: { type: 'text' } }, { text: { verbosity: 'low' } }],
  [
    'T-10: strict stays true, and is false where it is absent or null',
    { tools: [tool('a'), tool('b', { strict: true, parameters: strictSchema }), tool('c', { strict: null })] },
    { tools: [flat('a'), flat('b', { strict: true, parameters: strictSchema }), flat('c')] },
  ],
  [
    'T-16: a custom tool with a grammar in its flat form',
    {
      tools: [
        {
          type: 'custom',
          custom: {
            name: 'p',
            description: 'd',
            format: { type: 'grammar', grammar: { syntax: 'lark', definition: 'start: "x"' } },
          },
        },
      ],
    },
    {
      tools: [
        {
          type: 'custom',
          name: 'p',
          description: 'd',
          format: { type: 'grammar', syntax: 'lark', definition: 'start: "x"' },
        },
      ],
    },
  ],
  [
    'T-17: functions and function_call',
    { functions: [{ name: 'f', description: 'd', parameters: strictSchema }], function_call: { name: 'f' } },
    {
      tools: [flat('f', { description: 'd', parameters: strictSchema })],
      tool_choice: { type: 'function', name: 'f' },
    },
  ],
  [
    'a named tool choice',
    { tools: [tool('f')], tool_choice: { type: 'function', function: { name: 'f' } } },
    { tool_choice: { type: 'function', name: 'f' } },
  ],
  [
    'allowed tools',
    {
      tools: [tool('f')],
      tool_choice: {
        type: 'allowed_tools',
        allowed_tools: { mode: 'required', tools: [{ type: 'function', function: { name: 'f' } }] },
      },
    },
    { tool_choice: { type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'f' }] } },
  ],
  ['T-24: parallel_tool_calls true', { parallel_tool_calls: true }, { parallel_tool_calls: true }],
  ['T-24: parallel_tool_calls false', { parallel_tool_calls: false }, { parallel_tool_calls: false }],
  ['T-24: parallel_tool_calls absent', {}, { parallel_tool_calls: true }],
]

for (const [title, fields, members] of FIELDS) {
  test(`${title} reaches the backend`, async () => {
    const gateway = await startGateway()
    const { sent } = await sentFor(gateway, fields)
    expect(Object.fromEntries(Object.keys(members).map((name) => [name, sent[name]]))).toEqual(members)
  })
}

test('T-24: parallel calls are off on a lite model, reported if they were asked for', async () => {
  const gateway = await startGateway()
  for (const [parallel, report] of [
    [true, 'parallel_tool_calls=false'],
    [false, null],
    [undefined, null],
  ]) {
    const { sent, headers } = await sentFor(gateway, { model: 'gpt-5.6-sol', parallel_tool_calls: parallel })
    expect([sent.parallel_tool_calls, headers.get('x-codexway-adjusted-params')]).toEqual([false, report])
  }
})

test('T-25: the lite shape, whole', async () => {
  const gateway = await startGateway()
  const messages = [{ role: 'system', content: 'Rules.' }, ...HELLO]
  const { sent } = await sentFor(gateway, { model: 'gpt-5.6-sol', messages, tools: [tool('f')] })
  const { client_metadata: _metadata, prompt_cache_key: _key, ...body } = sent
  expect(body).toEqual({
    model: 'gpt-5.6-sol',
    stream: true,
    input: [
      { type: 'additional_tools', role: 'developer', tools: [flat('f')] },
      {
        type: 'message',
        role: 'developer',
        content: [{ type: 'input_text', text: defaultText(gateway.simulator, 'gpt-5.6-sol') }],
      },
      { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'Rules.' }] },
      user('Hello'),
    ],
    tool_choice: 'auto',
    parallel_tool_calls: false,
    reasoning: { effort: 'medium', summary: 'auto', context: 'all_turns' },
    store: false,
    include: ['reasoning.encrypted_content'],
    text: { verbosity: 'low' },
  })
  expect(gateway.simulator.requests[0]?.headers['x-openai-internal-codex-responses-lite']).toBe('true')
})

test('T-26: a hosted tool keeps a lite model in the classic shape', async () => {
  const gateway = await startGateway()
  const { sent } = await sentFor(gateway, { model: 'gpt-5.6-sol', tools: [tool('f'), { type: 'web_search' }] })
  expect([sent.tools, sent.instructions]).toEqual([
    [flat('f'), { type: 'web_search' }],
    defaultText(gateway.simulator, 'gpt-5.6-sol'),
  ])
  expect(sent.input).toEqual([user('Hello')])
  expect(gateway.simulator.requests[0]?.headers['x-openai-internal-codex-responses-lite']).toBeUndefined()
})

test('T-27, T-28: a desktop client’s usual request is answered in full; what is left out is reported once', async () => {
  const gateway = await startGateway()
  const messages = [
    { role: 'system', content: 'Be kind.', name: 'app' },
    { role: 'user', content: 'Hello', name: 'ada', _x: 1 },
  ]
  const usual = { temperature: 0.7, top_p: 1, max_tokens: 4096, stream_options: { include_usage: true } }
  const response = await chat(gateway, { ...usual, messages, stream: true })
  const text = await response.text()
  expect(response.status).toBe(200)
  expect(response.headers.get('x-codexway-dropped-params')?.split(', ').sort()).toEqual([
    'messages._x',
    'messages.name',
    'temperature',
    'top_p',
  ])
  expect(text).toMatch(/"finish_reason":"stop"[\s\S]*"usage":\{"prompt_tokens"[\s\S]*data: \[DONE\]\n\n$/)
  const sent = gateway.simulator.onlyRequest().body
  expect(itemsOf(sent).map((item) => Object.keys(item))).toEqual([
    ['type', 'role', 'content'],
    ['type', 'role', 'content'],
  ])
})

test('T-29: the same beginning of a conversation is the same bytes on every turn', async () => {
  const gateway = await startGateway()
  const beginning = [{ role: 'system', content: 'Rules “é”.' }, ...HELLO]
  const more = [
    { role: 'assistant', content: null, tool_calls: [call('call_1')] },
    { role: 'tool', tool_call_id: 'call_1', content: 'sun' },
  ]
  for (const messages of [beginning, [...beginning, ...more]]) await sentFor(gateway, { messages, tools: [tool('f')] })
  const [first, second] = gateway.simulator.requests.map(({ bodyBytes }) => bodyBytes)
  const end = first?.indexOf('],"tools"') ?? -1
  expect(end).toBeGreaterThan(0)
  expect(second?.slice(0, end)).toBe(first?.slice(0, end))
  const rest = (bytes = '') => bytes.slice(bytes.indexOf('],"tools"'), bytes.indexOf('"client_metadata"'))
  expect(rest(second)).toBe(rest(first))
})

test('T-19: illegal tool names are legal and distinct at the backend, and the client’s own everywhere else', async () => {
  const gateway = await startGateway()
  const { simulator } = gateway
  const long = `${'x'.repeat(89)}y`
  const names = ['mcp.server/tool', 'mcp_server_tool', 'mcp.server.tool', long, `${'x'.repeat(89)}z`]
  const wireNames = (body: JsonObject) => toolsOf(body).map(({ name }) => String(name))
  // Calls each of the tools it was given.
  simulator.on(
    () => true,
    ({ body }) => ({
      stream: [
        { created: true },
        ...wireNames(body).map((name) => ({ tool_call: { name, arguments: '{}' } })),
        { completed: true },
      ],
    }),
  )
  const messages = [
    ...HELLO,
    { role: 'assistant', tool_calls: [call('call_1', 'mcp.server/tool')] },
    { role: 'tool', tool_call_id: 'call_1', content: 'ok' },
  ]
  const ask = {
    messages,
    tools: names.map((name) => tool(name)),
    tool_choice: { type: 'function', function: { name: long } },
  }
  const { sent, answer } = await sentFor(gateway, ask)
  const wire = wireNames(sent)
  expect([new Set(wire).size, wire.filter((name) => /^[A-Za-z0-9_-]{1,64}$/.test(name)).length]).toEqual([5, 5])
  expect([wire[1], sent.tool_choice, itemsOf(sent)[1]?.name]).toEqual([
    'mcp_server_tool',
    { type: 'function', name: wire[3] },
    wire[0],
  ])
  expect(answer).toMatchObject({
    choices: [{ message: { tool_calls: names.map((name) => ({ function: { name } })) } }],
  })

  const streamed = await sentFor(gateway, { ...ask, stream: true })
  expect(wireNames(streamed.sent)).toEqual(wire)
  const { choices } = await gateway.client.chat.completions
    .stream({
      model: 'gpt-5.5',
      messages: HELLO,
      tools: names.map((name) => ({ ...tool(name), type: 'function' as const })),
    })
    .finalChatCompletion()
  expect(choices[0]?.message.tool_calls).toMatchObject(names.map((name) => ({ function: { name } })))

  const own = { tools: names.map((name) => flat(name)), tool_choice: { type: 'function', name: long } }
  const whole = await sentBy(gateway, respond(gateway, own))
  expect(whole.answer.output).toMatchObject(names.map((name) => ({ type: 'function_call', name })))
  const text = await (await respond(gateway, { ...own, stream: true })).text()
  for (const name of names) expect(text.split(`"name":"${name}"`).length).toBeGreaterThan(3)
  for (const [index, name] of wire.entries()) if (name !== names[index]) expect(text).not.toContain(`"name":"${name}"`)
})

function toolsOf({ tools }: JsonObject): JsonObject[] {
  return (tools ?? []) as JsonObject[]
}
