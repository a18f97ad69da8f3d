import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { turnOf } from '../../src/simulator/default-answer.ts'
import { item, numbered } from '../../src/simulator/events.ts'
import { atBothDoors, CHAT, RESPONSES } from '../support/doors.ts'
import { type Open, openGateway } from '../support/gateway.ts'

const RUNS = 300
const GEMINI = '/v1beta/models/gpt-5.5:generateContent'
const schema = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false }

/** Requests that use every field; each run spoils one or two places of one. */
const WHOLE: Readonly<Record<string, object>> = {
  [CHAT]: {
    model: 'openai-codex:gpt-5.5?verbosity=low',
    stream: false,
    stream_options: { include_usage: true },
    messages: [
      { role: 'system', content: [{ type: 'text', text: 'Be brief.' }] },
      { role: 'developer', content: 'Be kind.', name: 'x' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'See' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=', detail: 'low' } },
          { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBERi0=' } },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'I look.' },
          { type: 'refusal', refusal: 'no' },
        ],
        tool_calls: [
          { id: 'call_1', type: 'function', function: { name: 'look', arguments: '{"a":"b"}' } },
          { id: 'call_2', type: 'custom', custom: { name: 'raw', input: 'x' } },
        ],
      },
      { role: 'tool', tool_call_id: 'call_1', content: [{ type: 'text', text: 'seen' }] },
      { role: 'tool', tool_call_id: 'call_2', content: 'done' },
      { role: 'user', content: 'Hello' },
    ],
    tools: [
      { type: 'function', function: { name: 'look', description: 'd', parameters: schema, strict: true } },
      {
        type: 'custom',
        custom: {
          name: 'raw',
          description: 'd',
          format: { type: 'grammar', grammar: { syntax: 'lark', definition: 'start: "a"' } },
        },
      },
      { type: 'web_search' },
    ],
    tool_choice: { type: 'function', function: { name: 'look' } },
    parallel_tool_calls: true,
    response_format: { type: 'json_schema', json_schema: { name: 's', schema, strict: true } },
    reasoning_effort: 'high',
    reasoning: { effort: 'low', summary: 'auto' },
    verbosity: 'low',
    service_tier: 'auto',
    stop: ['END'],
    max_tokens: 100,
    max_completion_tokens: 90,
    n: 1,
    modalities: ['text'],
    temperature: 1,
    metadata: { a: 'b' },
    prompt_cache_key: 'k',
    agent: 'opencode/1',
    extra_body: {
      codex_capabilities: { prompt_mode: 'merge_custom', include_environment_context: true },
      codex_system_prompt: ['a', 'b'],
      cwd: '/x',
      session_id: 's',
    },
  },
  '/api/chat': {
    model: 'gpt-5.5:latest',
    stream: false,
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'See', images: ['iVBORw0KGgo='] },
      {
        role: 'assistant',
        content: 'I look.',
        thinking: 'Hm',
        tool_calls: [{ id: 'call_1', function: { index: 0, name: 'look', arguments: { a: 'b' } } }],
      },
      { role: 'tool', tool_name: 'look', content: 'seen', images: ['/9j/4AAQ'] },
      { role: 'user', content: 'Hello' },
    ],
    tools: [{ type: 'function', function: { name: 'look', description: 'd', parameters: schema } }],
    format: schema,
    think: 'low',
    keep_alive: '5m',
    options: { num_predict: 100, stop: ['END'], temperature: 1 },
  },
  '/api/generate': {
    model: 'gpt-5.5',
    stream: false,
    prompt: 'See',
    system: 'Be brief.',
    images: ['R0lGODlh'],
    format: 'json',
    think: true,
    suffix: '',
    options: { num_predict: -1 },
  },
  [GEMINI]: {
    system_instruction: { parts: [{ text: 'Be brief.' }] },
    contents: [
      {
        role: 'user',
        parts: [{ text: 'See' }, { inline_data: { mime_type: 'image/png', data: 'iVBORw0KGgo=' } }],
      },
      {
        role: 'model',
        parts: [
          { text: 'Hm', thought: true },
          { functionCall: { id: 'call_1', name: 'look', args: { a: 'b' } }, thoughtSignature: 'Y29kZXh3YXkuMTpnQUFB' },
        ],
      },
      {
        role: 'user',
        parts: [
          {
            functionResponse: {
              id: 'call_1',
              name: 'look',
              response: { output: 'seen' },
              parts: [{ inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } }],
            },
          },
        ],
      },
      { role: 'user', parts: [{ text: 'Hello' }] },
    ],
    tools: [
      {
        functionDeclarations: [
          { name: 'look', description: 'd', parameters: { type: 'OBJECT', properties: { a: { type: 'STRING' } } } },
          { name: 'other', parametersJsonSchema: schema },
        ],
      },
      { googleSearch: {} },
    ],
    toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['look'] } },
    generationConfig: {
      responseMimeType: 'application/json',
      responseSchema: { type: 'OBJECT', properties: { a: { type: 'STRING', nullable: true } } },
      thinkingConfig: { includeThoughts: true, thinkingBudget: 100 },
      maxOutputTokens: 100,
      stopSequences: ['END'],
      candidateCount: 1,
      responseModalities: ['TEXT'],
      temperature: 1,
    },
    serviceTier: 'standard',
    safetySettings: [],
  },
  [RESPONSES]: {
    model: 'gpt-5.5',
    stream: false,
    store: true,
    instructions: 'Be brief.',
    input: [
      { role: 'system', content: 'x' },
      {
        type: 'message',
        role: 'user',
        content: [
          { type: 'input_text', text: 'Hi' },
          { type: 'input_image', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' }, detail: 'low' },
        ],
      },
      { type: 'reasoning', summary: [], content: null, encrypted_content: 'gAAAAAB' },
      { type: 'function_call', id: 'fc_1', status: 'completed', call_id: 'call_1', name: 'a.b', arguments: '{}' },
      { type: 'function_call_output', call_id: 'call_1', output: [{ type: 'input_text', text: 'x' }] },
      { type: 'item_reference', id: 'msg_unknown' },
      { type: 'message', role: 'user', content: 'Hello' },
    ],
    tools: [
      { type: 'function', name: 'a.b', parameters: schema, strict: true },
      { type: 'web_search_preview' },
      { type: 'custom', name: 'raw', format: { type: 'text' } },
    ],
    tool_choice: 'auto',
    parallel_tool_calls: false,
    reasoning: { effort: 'low', summary: 'auto' },
    text: { verbosity: 'low', format: { type: 'json_schema', name: 's', schema, strict: true } },
    include: ['reasoning.encrypted_content'],
    service_tier: 'fast',
    max_output_tokens: 100,
    truncation: 'disabled',
    background: false,
    client_metadata: { a: 'b' },
    extra_body: { capabilities: { codex_passthrough: false } },
  },
}

/** An object in most protocols, a text in Ollama's. */
const ERROR_FORM = /^{"error":[{"]/

let gateway: Open
beforeAll(async () => {
  // The simulator's own rules would refuse most of it: what matters is what the gateway makes of it.
  gateway = await openGateway({ yaml: 'ollama: true', simulator: { webSocket: 426, strict: false }, logLevel: 'info' })
})
afterAll(() => gateway.close())

const value = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -1,
    1.5,
    1e300,
    '',
    ' ',
    'x',
    '\u0000',
    '\ud800',
    '__proto__',
    [],
    {},
    [[]],
    [null],
    [{}],
  ),
  fc.constantFrom<unknown>({ type: 5 }, { type: '' }, { role: null }, { type: 'function' }, { type: 'message' }, [
    1,
    'a',
    {},
  ]),
  fc.jsonValue({ maxDepth: 3 }),
)

/** Every place in a JSON value, as its path. */
function places(node: unknown, path: readonly string[] = []): string[][] {
  const own = path.length === 0 ? [] : [[...path]]
  if (typeof node !== 'object' || node === null) return own
  return [...own, ...Object.entries(node).flatMap(([key, child]) => places(child, [...path, key]))]
}

function spoil(node: unknown, [key = '', ...rest]: readonly string[], spoiled: unknown): unknown {
  if (typeof node !== 'object' || node === null) return node
  const replace = (child: unknown) => (rest.length === 0 ? spoiled : spoil(child, rest, spoiled))
  if (Array.isArray(node)) return node.map((child, index) => (String(index) === key ? replace(child) : child))
  return Object.fromEntries(Object.entries(node).map(([name, child]) => [name, name === key ? replace(child) : child]))
}

test.each(Object.entries(WHOLE))(
  'H-08: at %s no spoilt place of a request makes the gateway fail',
  async (path, whole) => {
    expect((await gateway.post(path, whole)).status).toBe(200)
    const spoiled = fc
      .array(fc.tuple(fc.constantFrom(...places(whole)), value), { minLength: 1, maxLength: 2 })
      .map((changes) => changes.reduce<unknown>((node, [place, to]) => spoil(node, place, to), whole))
    await fc.assert(
      fc.asyncProperty(spoiled, async (body) => {
        const response = await gateway.post(path, JSON.stringify(body))
        const text = await response.text()
        const isFine = response.status === 200 || (response.status >= 400 && response.status < 500)
        if (!isFine || (response.status !== 200 && !ERROR_FORM.test(text)))
          throw new Error(`${response.status} ${text.slice(0, 500)}`)
      }),
      { numRuns: RUNS },
    )
  },
)

const turn = numbered([
  ...turnOf([
    item.reasoning(['First', 'Second'], { encrypted_content: 'gAAAAAB' }),
    item.message('Some text', { id: 'msg_2' }),
    item.functionCall('look', '{"a":"b"}', { id: 'fc_3', call_id: 'call_3' }),
    item.customCall('raw', 'x', { id: 'ctc_4', call_id: 'call_4' }),
  ]),
])

/** An answer with some events spoilt, left out, doubled or in another place. */
const oddTurn = fc
  .array(
    fc.oneof(
      fc.record({ place: fc.constantFrom(...places(turn)), to: value }),
      fc.record({ drop: fc.nat(turn.length - 1) }),
      fc.record({ copy: fc.nat(turn.length - 1), to: fc.nat(turn.length - 1) }),
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map((changes) => {
    let events: unknown[] = turn
    for (const change of changes) {
      // The whole stays a list, whatever becomes of its events.
      if ('place' in change) events = spoil(events, change.place, change.to) as unknown[]
      else if ('drop' in change) events = events.toSpliced(change.drop, 1)
      else events = events.toSpliced(change.to, 0, events[change.copy])
    }
    return events.map((event) => `data: ${JSON.stringify(event)}\n\n`)
  })

interface Door {
  readonly path: string
  readonly body: object
  /** The end of its streams, well or with an error. */
  readonly end: RegExp
}

const OTHER_DOORS: readonly Door[] = ['/api/chat', '/api/generate'].flatMap((path) =>
  [true, false].map((stream) => {
    const body = { model: 'gpt-5.5', stream, prompt: 'Hello', messages: [{ role: 'user', content: 'Hello' }] }
    return { path, body, end: /^{"error":"|"done":true,/ }
  }),
)

const STREAMED_GEMINI = '/v1beta/models/gpt-5.5:streamGenerateContent'
const GEMINI_BODY = { contents: [{ parts: [{ text: 'Hello' }] }] }
const GEMINI_DOORS: readonly Door[] = [GEMINI, STREAMED_GEMINI, `${STREAMED_GEMINI}?alt=sse`].map((path) => {
  return { path, body: GEMINI_BODY, end: /^data: {"(?:error":{|candidates":.*"finishReason":)/ }
})

const EVENT_END =
  /^data: (?:\[DONE\]|{"error":{)|^(?:event: .*\n)?data: {"type":"response\.(?:completed|incomplete|failed)"/
const DOORS: readonly Door[] = [
  ...atBothDoors().map((door) => ({ ...door, end: EVENT_END })),
  ...OTHER_DOORS,
  ...GEMINI_DOORS,
]

test('S-13: whatever the backend sends, an answer ends well or with an error, at all doors', async () => {
  await fc.assert(
    fc.asyncProperty(oddTurn, fc.constantFrom(...DOORS), async (stream, { path, body, end }) => {
      gateway.simulator.play({ chunking: 'whole', stream })
      const response = await gateway.post(path, { ...body, tools: [] })
      const text = await response.text()
      const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
      const last =
        text
          .trimEnd()
          .split(path.startsWith('/api/') ? '\n' : '\n\n')
          .at(-1) ?? ''
      const endsWell = isJson ? JSON.parse(text) !== null : end.test(last)
      if (!endsWell || text.includes('internal_error') || text.includes('failed on its own account'))
        throw new Error(`${response.status} ${path} ${last.slice(0, 500)}`)
    }),
    { numRuns: RUNS },
  )
})
