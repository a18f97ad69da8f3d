import { expect, test } from 'vitest'
import type { JsonObject } from '../../lib/json.ts'
import { parseChatRequest } from './request.ts'

const parameters = { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] }
const read = { type: 'function', function: { name: 'read', description: 'Reads a file', parameters } }
const flatRead = { type: 'function', name: 'read', description: 'Reads a file', parameters, strict: false }
const grammar = { syntax: 'lark', definition: 'start: "x"' }
const patch = { type: 'custom', custom: { name: 'apply_patch', format: { type: 'grammar', grammar } } }
const flatPatch = { type: 'custom', name: 'apply_patch', format: { type: 'grammar', ...grammar } }
const system = 'You are an agent.\n\nRules: “be careful”.  '

interface Agent {
  readonly id: string
  readonly userAgent: string
  /** Beyond model, stream, messages and the tool `read`. */
  readonly fields: JsonObject
  readonly extras?: JsonObject
  readonly systemRole?: 'system' | 'developer'
}

/** The fields these agents send with a first request (clients.md, first table). */
const AGENTS: readonly Agent[] = [
  {
    id: 'E-05: Factory Droid',
    userAgent: 'factory-cli/0.215.0',
    fields: { temperature: 1, max_tokens: 32_000, reasoning_effort: 'high' },
    extras: { temperature: 1 },
  },
  {
    id: 'E-06: OpenCode',
    userAgent: 'opencode/1.18.33 ai-sdk/provider-utils',
    fields: {
      max_tokens: 32_000,
      reasoning_effort: 'medium',
      tool_choice: 'auto',
      stream_options: { include_usage: true },
    },
  },
  { id: 'E-07: Kilo Code', userAgent: 'Kilo-Code/7.7.7', fields: { tool_choice: 'auto', max_tokens: 32_000 } },
  {
    id: 'E-08: Cline',
    userAgent: 'Cline/3.0.65',
    fields: { tool_choice: 'auto', stream_options: { include_usage: true } },
  },
  {
    id: 'E-09: Roo Code',
    userAgent: 'RooCode/3.30',
    fields: { temperature: 0, tool_choice: 'auto' },
    extras: { temperature: 0 },
  },
  {
    id: 'E-10: pi',
    userAgent: 'pi-coding-agent/0.87.1',
    fields: { store: false, max_completion_tokens: 32_000, reasoning_effort: 'low' },
    systemRole: 'developer',
  },
  {
    id: 'E-11: Letta Code',
    userAgent: 'letta-code/0.1',
    fields: { user: 'u', parallel_tool_calls: false },
    extras: { user: 'u' },
  },
]

function parse({ userAgent, fields, systemRole = 'system' }: Agent) {
  const messages = [
    { role: systemRole, content: system },
    { role: 'user', content: 'Hello' },
  ]
  const body = { model: 'gpt-5.5', stream: true, messages, tools: [read, patch], ...fields }
  return parseChatRequest(body, { headers: { 'user-agent': userAgent }, keyId: '' })
}

for (const agent of AGENTS) {
  test(`${agent.id}: tools and system text are complete, nothing is added`, () => {
    const turn = parse(agent)
    expect(turn.body.tools).toEqual([flatRead, flatPatch])
    expect(turn.body.input).toEqual([
      { type: 'message', role: agent.systemRole ?? 'system', content: [{ type: 'input_text', text: system }] },
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hello' }] },
    ])
    expect([turn.extras, turn.dropped]).toEqual([agent.extras ?? {}, []])
  })
}

test('E-12: the same body means the same to every client', () => {
  const [first, ...others] = AGENTS.map(({ userAgent }) => {
    const { client: _client, agent: _agent, ...turn } = parse({ id: '', userAgent, fields: {} })
    return turn
  })
  for (const turn of others) expect(turn).toEqual(first)
})

test('an agent’s second request, with its echo of our answer, passes whole', () => {
  const call = { id: 'call_1', type: 'function', function: { name: 'read', arguments: '{"path":"a"}' } }
  const turn = parseChatRequest(
    {
      model: 'gpt-5.5',
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'Hello' }] },
        { role: 'assistant', content: '', reasoning_content: 'Hm.', tool_calls: [call] },
        { role: 'tool', tool_call_id: 'call_1', content: [{ type: 'text', text: 'contents' }] },
        { role: 'system', content: 'Remember the rules.' },
      ],
    },
    { headers: {}, keyId: '' },
  )
  expect(turn.body.input).toEqual([
    { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hello' }] },
    { type: 'function_call', call_id: 'call_1', name: 'read', arguments: '{"path":"a"}' },
    { type: 'function_call_output', call_id: 'call_1', output: [{ type: 'input_text', text: 'contents' }] },
    { type: 'message', role: 'system', content: [{ type: 'input_text', text: 'Remember the rules.' }] },
  ])
  expect(turn.dropped).toEqual([])
})
