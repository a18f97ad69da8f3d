import { hostname, userInfo } from 'node:os'
import { expect, test } from 'vitest'
import type { JsonObject } from '../../lib/json.ts'
import { type CapabilityLayer, mergeCapabilities } from '../../turn/capabilities.ts'
import type { Credential } from '../../turn/connector.ts'
import type { ModelEntry, ModelSettings } from '../../turn/model.ts'
import type { Turn } from '../../turn/turn.ts'
import { buildHeaders, buildUpgradeHeaders, type HeaderInput } from './headers.ts'
import { type Identity, withIdentity } from './identity.ts'
import { buildPayload, type Payload, type PayloadOptions } from './payload.ts'

const D = 'The base text of the model.'
const classic: ModelEntry = {
  slug: 'gpt-5.5',
  raw: {},
  isListed: true,
  isLite: false,
  efforts: ['low', 'medium', 'high', 'xhigh'],
  defaultEffort: 'medium',
  supportsVerbosity: true,
  defaultVerbosity: undefined,
  supportsSummaries: true,
  serviceTiers: ['priority'],
  baseInstructions: D,
}
const lite = { ...classic, slug: 'gpt-5.6-sol', isLite: true }
const plain: PayloadOptions = {
  responsesShape: 'auto',
  allowedParams: [],
  prompt: { template: undefined, prepend: [], append: [], deduplicate: true, fallbackToDefault: true },
  toolSchema: { baseTools: null, customTools: [] },
}
const user = (text: string) => ({ type: 'message', role: 'user', content: [{ type: 'input_text', text }] })
const system = (text: string) => ({ type: 'message', role: 'system', content: [{ type: 'input_text', text }] })
const developer = (text: string) => ({ type: 'message', role: 'developer', content: [{ type: 'input_text', text }] })
const tool = (name: string, parameters: JsonObject = { type: 'object', properties: {} }) => ({
  type: 'function',
  name,
  parameters,
  strict: false,
})

function turnOf(overrides: Partial<Turn> = {}): Turn {
  return {
    endpoint: 'chat',
    model: 'gpt-5.5',
    stream: true,
    body: { input: [user('Hi')] },
    stop: [],
    maxOutputTokens: undefined,
    includeUsage: false,
    legacyFunctions: false,
    customTools: new Set(),
    extras: {},
    dropped: [],
    adjusted: [],
    fieldOrder: [],
    capabilities: {},
    agent: undefined,
    systemPrompt: [],
    environment: {},
    conversationKey: undefined,
    store: false,
    previousResponseId: undefined,
    remoteImages: [],
    client: { family: undefined, keyId: '', codexHeaders: {} },
    ...overrides,
  }
}

interface Case {
  turn?: Partial<Turn>
  layer?: CapabilityLayer
  entry?: ModelEntry | undefined
  settings?: Partial<ModelSettings>
  options?: Partial<PayloadOptions>
}

function build({ turn = {}, layer = {}, entry = classic, settings = {}, options = {} }: Case = {}) {
  const made = turnOf(turn)
  return buildPayload({
    turn: made,
    capabilities: mergeCapabilities(made.endpoint, [layer]),
    resolved: { instance: 'a', slug: entry.slug, entry, query: {}, aliasQuery: {} },
    settings: { adjusted: [], dropped: [], ...settings },
    options: { ...plain, ...options },
  })
}

const withSystem = { body: { input: [system('You are Bob é “x” 中文  '), user('Hi')] } }

test('K-01: instructions are D, the system text is a developer message in its place, nothing else is added', () => {
  expect(build({ turn: withSystem, settings: { effort: 'medium', summary: 'auto' } }).fields).toEqual({
    model: 'gpt-5.5',
    instructions: D,
    stream: true,
    input: [developer('You are Bob é “x” 中文  '), user('Hi')],
    tool_choice: 'auto',
    parallel_tool_calls: true,
    reasoning: { effort: 'medium', summary: 'auto' },
    store: false,
    include: ['reasoning.encrypted_content'],
  })
})

test('K-02, K-03: merge_custom appends the system text unchanged and leaves no copy', () => {
  const { fields } = build({ turn: withSystem, layer: { prompt_mode: 'merge_custom' } })
  expect([fields.instructions, fields.input]).toEqual([`${D}\n\nYou are Bob é “x” 中文  `, [user('Hi')]])
})

test('K-04, K-05: custom_only sends the system text alone, D without one, blank if that is wished', () => {
  const layer = { prompt_mode: 'custom_only' } as const
  expect(build({ turn: withSystem, layer }).fields.instructions).toBe('You are Bob é “x” 中文  ')
  expect(build({ layer }).fields.instructions).toBe(D)
  const prompt = { ...plain.prompt, fallbackToDefault: false }
  expect(build({ layer, options: { prompt } }).fields.instructions).toBe('')
})

test('K-06, K-07: D is the template, else the catalogue text, else a short text of ours', () => {
  expect(build({ options: { prompt: { ...plain.prompt, template: 'T' } } }).fields.instructions).toBe('T')
  expect(build({ entry: { ...classic, baseInstructions: undefined } }).fields.instructions).toMatch(/\w{4}/)
})

test('prepend and append frame the base text, equal sections once', () => {
  const prompt = { ...plain.prompt, prepend: ['P', D], append: ['A', 'P'] }
  expect(build({ options: { prompt } }).fields.instructions).toBe(`P\n\n${D}\n\nA`)
  expect(build({ options: { prompt: { ...prompt, deduplicate: false } } }).fields.instructions).toBe(
    `P\n\n${D}\n\n${D}\n\nA\n\nP`,
  )
})

test('K-08, K-09: client tools come first, configured ones behind; none stay none', () => {
  const toolSchema = {
    baseTools: null,
    customTools: [{ type: 'function', function: { name: 'y' } }, tool('x', { other: 1 })],
  }
  const turn = { body: { input: [user('Hi')], tools: [tool('x')] } }
  expect(build({ turn, options: { toolSchema } }).fields.tools).toEqual([tool('x'), tool('y')])
  expect(build().fields.tools).toBeUndefined()
})

test('K-10, K-11: codex_default sends base tools only and reports the client tools; [] means none', () => {
  const turn = { body: { input: [user('Hi')], tools: [tool('x')] }, fieldOrder: ['tools'] }
  const payload = build({ turn, layer: { tool_schema_mode: 'codex_default' } })
  const names = (payload.fields.tools as JsonObject[]).map(({ name }) => name)
  expect(names).toEqual(['exec_command', 'write_stdin', 'apply_patch', 'view_image'])
  expect([payload.dropped, payload.droppedByMode]).toEqual([['tools'], ['tools']])
  const none = build({
    turn,
    layer: { tool_schema_mode: 'codex_default' },
    options: { toolSchema: { baseTools: [], customTools: [] } },
  })
  expect(none.fields.tools).toBeUndefined()
})

test('K-12: merge_custom keeps the base tool of another schema with a warning, the client tool of the same', () => {
  const base = [tool('a'), tool('b')]
  const own = { ...tool('a'), description: 'mine' }
  const turn = { body: { input: [user('Hi')], tools: [own, tool('b', { x: 1 }), tool('c')] } }
  const payload = build({
    turn,
    layer: { tool_schema_mode: 'merge_custom' },
    options: { toolSchema: { baseTools: base, customTools: [] } },
  })
  expect(payload.fields.tools).toEqual([own, tool('b'), tool('c')])
  expect(payload.warnings).toHaveLength(1)
})

test('K-19: the environment block holds what the client gave, escaped, and is left out when there is nothing', () => {
  const layer = { include_environment_context: true }
  const text = '<environment_context>\n  <cwd>/a&amp;b</cwd>\n</environment_context>'
  expect(build({ turn: { environment: { cwd: '/a&b' } }, layer }).fields.input).toEqual([user(text), user('Hi')])
  expect(build({ layer }).fields.input).toEqual([user('Hi')])
})

test('K-22: XML calls in the history become calls, their result texts outputs', () => {
  const said = {
    type: 'message',
    role: 'assistant',
    content: [
      { type: 'output_text', text: 'I look. <execute_command><command>ls &amp; pwd</command></execute_command>' },
    ],
  }
  const { fields } = build({
    turn: { body: { input: [user('Hi'), said, user('[execute_command for x] Result: ok')], tools: [tool('bash')] } },
    layer: { tool_text_format: 'codex_xml' },
  })
  const [, text, call, output] = fields.input as JsonObject[]
  expect(text).toEqual({ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'I look.' }] })
  expect(call).toMatchObject({ type: 'function_call', name: 'bash', arguments: '{"cmd":"ls & pwd"}' })
  expect(output).toEqual({ type: 'function_call_output', call_id: call?.call_id, output: 'ok' })
})

test('T-25: a lite model gets its tools and D as first items, no top-level copies', () => {
  const payload = build({
    turn: { body: { input: [system('S'), user('Hi')], tools: [tool('x')], parallel_tool_calls: true } },
    entry: lite,
    settings: { effort: 'low' },
  })
  expect(payload.isLite).toBe(true)
  expect(payload.fields).toEqual({
    model: 'gpt-5.6-sol',
    stream: true,
    input: [
      { type: 'additional_tools', role: 'developer', tools: [tool('x')] },
      developer(D),
      developer('S'),
      user('Hi'),
    ],
    tool_choice: 'auto',
    parallel_tool_calls: false,
    reasoning: { effort: 'low', context: 'all_turns' },
    store: false,
    include: ['reasoning.encrypted_content'],
  })
  expect(payload.adjusted).toEqual(['parallel_tool_calls=false'])
})

test('T-26: a hosted tool keeps a lite model classic', () => {
  const payload = build({ turn: { body: { input: [user('Hi')], tools: [{ type: 'web_search' }] } }, entry: lite })
  expect([payload.isLite, payload.fields.tools, payload.fields.instructions]).toEqual([
    false,
    [{ type: 'web_search' }],
    D,
  ])
})

test('T-24: parallel_tool_calls as sent, true when absent', () => {
  const sent = (value?: boolean) =>
    build({ turn: { body: { input: [user('Hi')], ...(value === undefined ? {} : { parallel_tool_calls: value }) } } })
      .fields.parallel_tool_calls
  expect([sent(true), sent(false), sent()]).toEqual([true, false, true])
})

test('K-25, R-03: passthrough instructions', () => {
  const sent = (mode: 'codex_default' | 'merge_custom' | 'custom_only', instructions?: string) =>
    build({
      turn: {
        endpoint: 'responses',
        body: { input: [user('Hi')], ...(instructions === undefined ? {} : { instructions }) },
      },
      layer: { prompt_mode: mode },
    }).fields.instructions
  expect([sent('codex_default', 'X'), sent('merge_custom', 'X'), sent('custom_only', 'X')]).toEqual([
    'X',
    `${D}\n\nX`,
    'X',
  ])
  expect([sent('codex_default'), sent('merge_custom', ' '), sent('custom_only')]).toEqual([D, D, D])
})

test('R-03: the Codex CLI carries its own base text', () => {
  const client = { family: 'codex-cli', keyId: '', codexHeaders: {} } as const
  expect(build({ turn: { endpoint: 'responses', client } }).fields.instructions).toBe('')
})

test('R-13, lite body of the CLI: never reshaped', () => {
  const input = [{ type: 'additional_tools', role: 'developer', tools: [] }, user('Hi'), { type: 'compaction_trigger' }]
  const payload = build({ turn: { endpoint: 'responses', body: { input } }, entry: lite })
  expect([payload.isLite, payload.fields.input, 'instructions' in payload.fields]).toEqual([true, input, false])
})

test('K-26: without passthrough, D is the base and instructions a developer message; unknown items pass', () => {
  const unknown = { type: 'from_the_future', x: 1 }
  const { fields } = build({
    turn: { endpoint: 'responses', body: { input: [unknown], instructions: 'X' } },
    layer: { codex_passthrough: false },
  })
  expect([fields.instructions, fields.input]).toEqual([D, [developer('X'), unknown]])
})

test('P-01, P-16: extras are dropped in body order, allowed ones sent and not reported', () => {
  const payload = build({
    turn: {
      extras: { top_p: 1, new_field: 2, temperature: 0 },
      dropped: ['messages.name'],
      fieldOrder: ['top_p', 'messages', 'new_field', 'temperature'],
    },
    options: { allowedParams: ['new_field'] },
  })
  expect(payload.dropped).toEqual(['top_p', 'messages.name', 'temperature'])
  expect(payload.fields.new_field).toBe(2)
})

const identity: Identity = {
  key: 'k',
  sessionId: '01a2052d-4795-7623-9663-7f1df03f3644',
  installationId: '572ef7a9-29bb-4f96-9aff-3de6f29eb08c',
  turnId: '01a2052d-4803-7da3-b462-1aa3e2ff562f',
  contextWindowId: '01a2052d-47c0-7390-91de-92ee3f282669',
  startedAtMs: 1,
  credentialKind: 'chatgpt',
}
const credential = { token: 'tok', kind: 'chatgpt', accountId: 'acct-A', isFedramp: false } as const

function headerInput(payload: Payload): HeaderInput {
  return {
    identity,
    client: { originator: 'o', userAgent: 'u', clientVersion: '0.169.0' },
    credential,
    payload,
    codexHeaders: {},
    turnState: undefined,
    cookie: undefined,
    contentEncoding: undefined,
    routingOverride: undefined,
  }
}

test('E-02: body keys and headers stand in the order of the CLI and tell nothing of this machine', () => {
  const payload = build({ settings: { effort: 'low', serviceTier: 'priority', verbosity: 'low' } })
  const body = withIdentity(payload, identity)
  // Captures 05 and 07; `instructions` is ours.
  expect(Object.keys(body)).toEqual([
    'model',
    'instructions',
    'stream',
    'service_tier',
    'input',
    'tool_choice',
    'parallel_tool_calls',
    'reasoning',
    'store',
    'include',
    'prompt_cache_key',
    'text',
    'client_metadata',
  ])
  const headers = buildHeaders(headerInput(payload))
  expect(headers.map(([name]) => name)).toEqual([
    'version',
    'x-codex-beta-features',
    'x-codex-window-id',
    'x-codex-turn-metadata',
    'x-codex-routing-hint',
    'x-client-request-id',
    'session-id',
    'thread-id',
    'accept',
    'content-type',
    'authorization',
    'chatgpt-account-id',
    'originator',
    'user-agent',
  ])
  expect(Object.fromEntries(headers)['x-codex-routing-hint']).toBe('model=gpt-5.5;tier=priority')
  const sent = JSON.stringify([body, headers])
  for (const secret of [hostname(), process.cwd(), `"${userInfo().username}"`]) expect(sent).not.toContain(secret)
})

test('H-10: a client value that no header can carry is left out', () => {
  const headers = buildHeaders({
    identity,
    client: { originator: 'o', userAgent: 'u', clientVersion: '0.169.0' },
    credential,
    payload: build(),
    codexHeaders: { 'x-codex-window-id': 'a\r\nb: c' },
    turnState: undefined,
    cookie: undefined,
    contentEncoding: undefined,
    routingOverride: undefined,
  })
  expect(headers.map(([name]) => name)).not.toContain('x-codex-window-id')
})

test('E-02: a summary stands between effort and context, and access programs behind the metadata', () => {
  const reasoning = { effort: 'high', summary: 'detailed', context: 'all_turns' }
  const body = { input: [user('Hi')], reasoning, access_programs: { a: 'b' } }
  const payload = build({ turn: { endpoint: 'responses', body }, settings: { effort: 'high', summary: 'detailed' } })
  expect(Object.keys(payload.fields.reasoning as object)).toEqual(['effort', 'summary', 'context'])
  const sent = withIdentity({ ...payload, isPassthrough: false }, identity)
  expect(Object.keys(sent).slice(-2)).toEqual(['client_metadata', 'access_programs'])
})

test('E-02: the metadata names the program the originator does, and credits for a ChatGPT sign-in only', () => {
  const payload = build({})
  const metadata = (kind: Credential['kind']) =>
    withIdentity(payload, { ...identity, credentialKind: kind }).client_metadata as Record<string, string>
  expect(metadata('chatgpt')).toMatchObject({ guardian_credits_requested: 'true', mcp_attribution: expect.any(String) })
  for (const kind of ['personal_access_token', 'api_key'] as const) {
    expect(Object.keys(metadata(kind))).not.toContain('guardian_credits_requested')
  }
  expect(JSON.parse(metadata('chatgpt')['x-codex-turn-metadata'] ?? '')).toMatchObject({ turn_trigger: 'exec' })
})

test('E-02: with a cookie an upgrade begins with it and ends with the beta', () => {
  const names = (cookie: string | undefined) =>
    buildUpgradeHeaders({ ...headerInput(build({})), cookie }, 'turn').map(([name]) => name)
  const plain = names(undefined)
  expect(plain.slice(0, 6)).toEqual([
    'chatgpt-account-id',
    'authorization',
    'user-agent',
    'originator',
    'openai-beta',
    'version',
  ])
  const withoutBeta = plain.filter((name) => name !== 'openai-beta')
  expect(names('__cf_bm=a')).toEqual(['cookie', ...withoutBeta, 'openai-beta'])
})
