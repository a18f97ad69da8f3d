import { readdirSync, readFileSync } from 'node:fs'
import { hostname, release } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { arrayAt, isObject, type JsonObject, objectAt, stringAt } from '../../src/lib/json.ts'
import { ALLOWED_FIELDS } from '../support/allowed-fields.ts'
import { startGateway } from '../support/gateway.ts'

/** One file of test/fixtures/agents. */
interface AgentRequest {
  readonly scenario: string
  readonly agent: string
  readonly path: '/v1/chat/completions' | '/v1/responses'
  readonly headers: Record<string, string>
  /** `x-codexway-dropped-params`. */
  readonly dropped?: string
  readonly body: JsonObject
}

const DIRECTORY = join(import.meta.dirname, '..', 'fixtures', 'agents')
const REQUESTS = readdirSync(DIRECTORY)
  .filter((file) => file.endsWith('.json'))
  .map((file): [string, AgentRequest] => [file, JSON.parse(readFileSync(join(DIRECTORY, file), 'utf8'))])
const D = 'You are the simulated model gpt-5.5. Answer briefly.'

/** What the backend must see of a client's tools: the same, in the flat form (connector.md §6, §7.2). */
function flatTools(body: JsonObject): unknown[] | undefined {
  return arrayAt(body, 'tools')?.map((tool) => {
    const inner = isObject(tool) ? objectAt(tool, 'function') : undefined
    return inner === undefined ? tool : { type: 'function', ...inner, strict: inner.strict ?? false }
  })
}

/** What the backend must see of a client's messages: every text in its place; system text as developer input. */
function inputItems(body: JsonObject): unknown[] {
  const messages = arrayAt(body, 'messages')?.filter(isObject)
  if (messages === undefined) return arrayAt(body, 'input') ?? []
  return messages.map(({ role, content }) => {
    const texts = Array.isArray(content) ? content.map((part: { text: string }) => part.text) : [content]
    const parts = texts.map((text) => ({ type: 'input_text', text }))
    return { type: 'message', role: role === 'system' ? 'developer' : role, content: parts }
  })
}

for (const [file, { scenario, agent, path, headers, dropped, body }] of REQUESTS) {
  test(`${scenario}: ${agent}’s first request (${file}) arrives complete, with nothing added`, async () => {
    const { post, simulator } = await startGateway()
    const response = await post(path, body, headers)
    const text = await response.text()
    expect([response.status, response.headers.get('x-codexway-dropped-params')], text).toEqual([200, dropped ?? null])
    expect(text).toMatch(path === '/v1/responses' ? /"type":"response\.completed"/ : /data: \[DONE\]\n\n$/)

    const { body: seen } = simulator.onlyRequest()
    expect(seen.tools).toEqual(flatTools(body))
    expect(seen.input).toEqual(inputItems(body))
    expect(seen.instructions).toBe(body.instructions ?? D)
    expect(Object.keys(seen).filter((key) => !ALLOWED_FIELDS.includes(key))).toEqual([])
  })

  test(`${scenario}: ${agent}’s first request (${file}) keeps tools and texts on a lite model`, async () => {
    const { post, simulator } = await startGateway()
    const response = await post(path, { ...body, model: 'gpt-5.6-sol' }, headers)
    expect(response.status, await response.text()).toBe(200)
    const { body: seen, headers: seenHeaders } = simulator.onlyRequest()
    const tools = flatTools(body)
    const base = body.instructions ?? 'You are the simulated model gpt-5.6-sol. Answer briefly.'
    if (seenHeaders['x-openai-internal-codex-responses-lite'] === undefined) {
      // Hosted tools do not exist in the lite shape.
      expect([seen.tools, seen.instructions, seen.input]).toEqual([tools, base, inputItems(body)])
      expect(JSON.stringify(tools)).toContain('"type":"web_search"')
      return
    }
    expect([seen.tools, seen.instructions]).toEqual([undefined, undefined])
    expect(seen.input).toEqual([
      ...(tools === undefined ? [] : [{ type: 'additional_tools', role: 'developer', tools }]),
      { type: 'message', role: 'developer', content: [{ type: 'input_text', text: base }] },
      ...inputItems(body),
    ])
  })
}

test('E-05 to E-11: every agent has a request of each wire it speaks', () => {
  const scenarios = new Set(REQUESTS.map(([, { scenario }]) => scenario))
  expect([...scenarios].sort()).toEqual(['E-05', 'E-06', 'E-07', 'E-08', 'E-09', 'E-10', 'E-11'])
})

const USER_AGENTS = [
  'factory-cli/0.215.0',
  'opencode/1.18.33',
  'Kilo-Code/7.7.7',
  'Cline/3.0.65',
  'RooCode/3.30.0',
  'pi-coding-agent/0.87.1',
  'letta-code/0.14.2',
  'OpenAI/JS 7.57.0',
]

/** The body without what names conversation and turn. */
function withoutIdentity(body: JsonObject): JsonObject {
  const { prompt_cache_key: _key, client_metadata: metadata, ...rest } = body
  return { ...rest, client_metadata: isObject(metadata) ? Object.keys(metadata) : metadata }
}

for (const file of ['opencode-chat.json', 'cline-responses.json']) {
  test(`E-12: one body (${file}) means the same from eight User-Agents`, async () => {
    const request = REQUESTS.find(([name]) => name === file)?.[1]
    if (request === undefined) throw new Error(`no ${file}`)
    const { post, simulator } = await startGateway()
    for (const userAgent of USER_AGENTS) {
      expect((await post(request.path, request.body, { 'user-agent': userAgent })).status).toBe(200)
    }
    const bodies = simulator.requests.map(({ body }) => JSON.stringify(withoutIdentity(body)))
    expect(bodies).toHaveLength(8)
    expect(new Set(bodies)).toHaveProperty('size', 1)
    const keys = simulator.requests.map(({ body }) => stringAt(body, 'prompt_cache_key'))
    expect(new Set(keys)).toHaveProperty('size', 8)
    const seen = simulator.requests.map(({ headers }) => `${headers['user-agent']} ${headers.originator}`)
    expect(new Set(seen)).toHaveProperty('size', 1)
  })
}

const shell = {
  type: 'function' as const,
  function: { name: 'shell', parameters: { type: 'object', properties: { command: { type: 'array' } } } },
}

test('E-01: a call of the client’s own shell keeps name, call id and argument bytes, and nothing runs', async () => {
  const { client, simulator } = await startGateway()
  const args = '{ "command": ["bash", "-lc", "echo \\u00e9 é"],\n "x": 1.0 }'
  simulator.play({
    stream: [
      { created: true },
      { tool_call: { name: 'shell', arguments: args, call_id: 'call_Q9' } },
      { completed: true },
    ],
  })
  const answer = await client.chat.completions.create({
    model: 'gpt-5.5',
    messages: [{ role: 'user', content: 'Run it' }],
    tools: [shell],
  })
  expect(answer.choices[0]?.message.tool_calls).toEqual([
    { id: 'call_Q9', type: 'function', function: { name: 'shell', arguments: args } },
  ])
  expect(simulator.requests).toHaveLength(1)
})

for (const path of ['chat', 'responses'] as const) {
  test(`E-03: a call to a tool nobody declared comes back as it is (${path})`, async () => {
    const { client, simulator } = await startGateway()
    simulator.play({
      stream: [
        { created: true },
        { tool_call: { name: 'exec_command', arguments: '{"cmd":"ls"}', call_id: 'call_7' } },
        { completed: true },
      ],
    })
    const ask = { model: 'gpt-5.5', tools: [] }
    const call =
      path === 'chat'
        ? (await client.chat.completions.create({ ...ask, messages: [{ role: 'user', content: 'x' }] })).choices[0]
            ?.message.tool_calls?.[0]
        : (await client.responses.create({ ...ask, input: 'x' })).output[0]
    expect(call).toMatchObject(
      path === 'chat'
        ? { id: 'call_7', type: 'function', function: { name: 'exec_command', arguments: '{"cmd":"ls"}' } }
        : { call_id: 'call_7', type: 'function_call', name: 'exec_command', arguments: '{"cmd":"ls"}' },
    )
    expect(simulator.requests).toHaveLength(1)
  })
}

test('E-04: forty tools with unusual schemas arrive deep-equal and in order', async () => {
  const { post, simulator } = await startGateway()
  const tools = Array.from({ length: 40 }, (_, index) => ({
    type: 'function',
    function: {
      name: `tool-${39 - index}`,
      description: `№ ${index}`,
      parameters: {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        type: 'object',
        $defs: { node: { type: 'object', properties: { next: { $ref: '#/$defs/node' } } } },
        properties: {
          at: { $ref: '#/$defs/node' },
          mode: { anyOf: [{ type: 'string', enum: ['a', 'b'] }, { type: 'null' }], default: null },
          size: { type: 'number', exclusiveMinimum: 0, multipleOf: 0.5 },
          rest: { type: 'object', additionalProperties: { type: 'string', pattern: '^\\p{L}+$' } },
        },
        'x-own': { keep: [index] },
      },
    },
  }))
  const body = { model: 'gpt-5.5', messages: [{ role: 'user', content: 'Hello' }], tools }
  expect((await post('/v1/chat/completions', body)).status).toBe(200)
  const seen = simulator.onlyRequest().body.tools
  expect(seen).toEqual(flatTools({ tools }))
  expect(JSON.stringify(seen)).toBe(
    JSON.stringify(tools.map(({ function: tool }) => ({ type: 'function', ...tool, strict: false }))),
  )
})

test('E-02: the body holds nothing of the gateway’s machine, and no client header goes up', async () => {
  const { post, simulator, home } = await startGateway()
  const private_ = {
    cookie: 'session=c00kie',
    'x-forwarded-for': '203.0.113.9',
    'x-real-ip': '203.0.113.9',
    authorization: 'Bearer gateway-key',
    'user-agent': 'odd-agent/9.9',
    'x-stainless-os': 'PlanNine',
    'openai-organization': 'org-ours',
  }
  await post('/v1/chat/completions', { model: 'gpt-5.5', messages: [{ role: 'user', content: 'Hello' }] }, private_)
  const { headersRaw, bodyBytes } = simulator.onlyRequest()
  const sent = JSON.stringify(headersRaw) + bodyBytes
  for (const secret of ['c00kie', '203.0.113.9', 'gateway-key', 'odd-agent', 'PlanNine', 'org-ours']) {
    expect(sent).not.toContain(secret)
  }
  for (const path of [process.cwd(), home, release()]) expect(bodyBytes).not.toContain(path)
  expect(bodyBytes.split(/[^\w.-]+/)).not.toContain(hostname())
  expect(bodyBytes).not.toContain('environment_context')
})

test('E-15: client_identity codexway changes originator and User-Agent, nothing else', async () => {
  const ask = { model: 'gpt-5.5', messages: [{ role: 'user', content: 'Hello' }] }
  const seen = []
  for (const identity of ['codex_cli', 'codexway']) {
    const yaml = `backends: {openai_codex: {extra: {codex: {client_identity: ${identity}}}}}`
    const { post, simulator } = await startGateway({ yaml })
    expect((await post('/v1/chat/completions', ask)).status).toBe(200)
    seen.push(simulator.onlyRequest())
  }
  const [cli, own] = seen
  expect(own?.headers.originator).toMatch(/^codexway$/)
  expect(own?.headers['user-agent']).toMatch(/^codexway\/\d/)
  expect(cli?.headers.originator).not.toMatch(/^codexway/)
  const names = seen.map(({ headersRaw }) => headersRaw.map(([name]) => name))
  expect(names[1]).toEqual(names[0])
  expect(own?.headers.version).toBe(cli?.headers.version)
  expect(withoutIdentity(own?.body ?? {})).toEqual(withoutIdentity(cli?.body ?? {}))
})
