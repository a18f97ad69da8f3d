import { beforeAll, describe, expect, test } from 'vitest'
import {
  chat,
  chatBody,
  defaultText,
  errorOf,
  messagesOf,
  refusalOf,
  respond,
  sentBy,
  sentFor,
} from '../support/ask.ts'
import { type Open, openGateway, startGateway } from '../support/gateway.ts'

const MERGE = { prompt_mode: 'merge_custom' }
const SYSTEM = [
  { role: 'system' as const, content: 'You are Bob' },
  { role: 'user' as const, content: 'Hello' },
]

describe('a request’s own capabilities', () => {
  let gateway: Open
  let merged = ''
  beforeAll(async () => {
    gateway = await openGateway()
    merged = `${defaultText(gateway.simulator)}\n\nYou are Bob`
    return () => gateway.close()
  })

  test.each([
    ['K-13', { extra_body: { codex_capabilities: MERGE } }],
    ['K-14', { codex_capabilities: MERGE }],
    ['§5.2', { capabilities: MERGE }],
    ['§5.2', { client_capabilities: MERGE }],
    ['§5.2', { capabilities: { prompt_mode: 'custom_only' }, client_capabilities: MERGE }],
    ['§5.2', { codex_capabilities: MERGE, capabilities: { prompt_mode: 'custom_only' } }],
    ['§5.2', { codex_capabilities: { prompt_mode: 'custom_only' }, extra_body: { codex_capabilities: MERGE } }],
    ['§5.2', { codex_capabilities: MERGE, extra_body: { codex_capabilities: { prompt_mode: null } } }],
  ])('%s: %j is applied, and not sent on', async (_id, fields) => {
    const { sent, headers } = await sentFor(gateway, { messages: SYSTEM, ...fields })
    expect([sent.instructions, messagesOf(sent)]).toEqual([merged, [['user', 'Hello']]])
    for (const key of ['extra_body', 'codex_capabilities', 'capabilities', 'client_capabilities'])
      expect(sent).not.toHaveProperty(key)
    expect(headers.get('x-codexway-dropped-params')).toBeNull()
  })

  test('K-14: the official SDK carries them at the top level', async () => {
    const body = { model: 'openai-codex:gpt-5.5', messages: SYSTEM, codex_capabilities: MERGE }
    await gateway.client.chat.completions.create(body)
    const sent = gateway.simulator.requests.at(-1)?.body
    expect(sent?.instructions).toBe(merged)
    expect(sent).not.toHaveProperty('codex_capabilities')
  })

  test('K-14: what an SDK splices into the body together with them counts, too', async () => {
    const body = { model: 'openai-codex:gpt-5.5', messages: SYSTEM }
    const { sent } = await sentFor(gateway, { ...body, codex_capabilities: MERGE, reasoning_effort: 'high', cwd: '/a' })
    expect([sent.instructions, sent.reasoning]).toEqual([merged, expect.objectContaining({ effort: 'high' })])
    expect(sent).not.toHaveProperty('cwd')
  })

  test('K-15: the example works as printed', async () => {
    const printed = `{
  "model": "openai-codex:gpt-5.1-codex",
  "messages": [{"role": "user", "content": "Hello"}],
  "tools": [{"type": "function", "function": {"name": "my_tool", "parameters": {}}}],
  "extra_body": {
    "codex_capabilities": {
      "tool_schema_mode": "custom_only",
      "bypass_tool_call_reactor": true,
      "include_environment_context": false
    }
  }
}`
    const { sent, headers } = await sentBy(gateway, gateway.post('/v1/chat/completions', printed))
    expect(sent.tools).toEqual([
      { type: 'function', name: 'my_tool', parameters: { type: 'object', properties: {} }, strict: false },
    ])
    expect(headers.get('x-codexway-dropped-params')).toBeNull()
  })

  test('K-15: the example with streaming ends as a stream does', async () => {
    const asked = { model: 'openai-codex:gpt-5.1-codex', stream: true, extra_body: { codex_capabilities: MERGE } }
    expect((await (await chat(gateway, asked)).text()).endsWith('data: [DONE]\n\n')).toBe(true)
  })

  test.each([
    [
      { codex_capabilities: { include_environment_context: 'false' } },
      'codex_capabilities.include_environment_context',
      'boolean',
    ],
    [{ codex_capabilities: { prompt_mode: 'foo' } }, 'codex_capabilities.prompt_mode', 'merge_custom'],
    [{ codex_capabilities: { prompt_mod: 'x' } }, 'codex_capabilities.prompt_mod', 'prompt_mode'],
    [
      { extra_body: { codex_capabilities: { prompt_mode: 1 } } },
      'extra_body.codex_capabilities.prompt_mode',
      'custom_only',
    ],
    [{ extra_body: { client_capabilities: { nope: 1 } } }, 'extra_body.client_capabilities.nope', 'strict_params'],
    [{ capabilities: 'all' }, 'capabilities', 'object'],
  ])('K-16: %j is refused at %s', async (fields, param, word) => {
    const before = gateway.simulator.requests.length
    const error = await refusalOf(gateway, fields)
    expect(error).toMatchObject({ status: 400, code: 'invalid_capability', type: 'invalid_request_error', param })
    expect(error.message).toContain(word)
    const other = await errorOf(await respond(gateway, fields))
    expect(other).toEqual(error)
    expect(gateway.simulator.requests).toHaveLength(before)
  })

  test.each([
    [{ 'x-codexway-reasoning-output': 'loud' }, 'x-codexway-reasoning-output', 'think_tags'],
    [{ 'x-codexway-strict-params': 'perhaps' }, 'x-codexway-strict-params', 'boolean'],
  ])('K-16: the header %j is refused by its name', async (headers, param, word) => {
    const error = await refusalOf(gateway, {}, headers as unknown as Record<string, string>)
    expect(error).toMatchObject({ status: 400, code: 'invalid_capability', param })
    expect(error.message).toContain(word)
  })
})

describe('capabilities of agents', () => {
  let gateway: Open
  let D = ''
  beforeAll(async () => {
    gateway = await openGateway({
      yaml: `backends:
  openai_codex:
    extra:
      codex:
        default_capabilities: {prompt_mode: custom_only}
        agent_capabilities:
          MyAgent: {prompt_mode: merge_custom}
          opencode: {prompt_mode: codex_default}
`,
      env: { OPENAI_CODEX_AGENT_CAPABILITIES: '{"third": {"prompt_mode": "merge_custom"}}' },
    })
    D = defaultText(gateway.simulator)
    return () => gateway.close()
  })

  test.each([
    ['K-17', { agent: 'myagent/2.1' }, {}, 'D\n\nYou are Bob'],
    ['K-17', { agent: 'MYAGENT' }, {}, 'D\n\nYou are Bob'],
    ['K-17', { extra_body: { agent: 'MyAgent' } }, {}, 'D\n\nYou are Bob'],
    ['K-17', { agent: 'other' }, { 'user-agent': 'opencode/1.2' }, 'You are Bob'],
    ['K-18', {}, { 'user-agent': 'opencode/1.2 (linux)' }, 'D'],
    ['K-18', {}, { 'user-agent': 'notopencodeatall/1' }, 'You are Bob'],
    ['§2.2', { agent: 'third' }, {}, 'D\n\nYou are Bob'],
    ['§5.2', { agent: 'myagent', codex_capabilities: { prompt_mode: 'custom_only' } }, {}, 'You are Bob'],
  ])('%s: %j with headers %j', async (_id, fields, headers, expected) => {
    const asked = { messages: SYSTEM, ...fields }
    const { sent } = await sentFor(gateway, asked, headers as unknown as Record<string, string>)
    expect(sent.instructions).toBe(expected.replace('D', D))
    expect(sent).not.toHaveProperty('agent')
    expect(JSON.stringify(sent)).not.toMatch(/opencode|myagent/i)
  })
})

test('§5.2: later layers win: file, environment, agent, headers, body', async () => {
  const gateway = await startGateway({
    yaml: 'backends: {openai_codex: {extra: {codex: {default_capabilities: {reasoning_output: none}}}}}\n',
    env: {
      OPENAI_CODEX_DEFAULT_CAPABILITIES: '{"reasoning_output": "reasoning_content"}',
      OPENAI_CODEX_AGENT_CAPABILITIES: '{"quiet": {"reasoning_output": "none"}}',
    },
  })
  const seen = async (fields: object, headers: Record<string, string> = {}) => {
    gateway.simulator.play('reasoning')
    const text = await (await gateway.post('/v1/chat/completions', chatBody(fields), headers)).text()
    return text.includes('<think>') ? 'think_tags' : text.includes('reasoning_content') ? 'reasoning_content' : 'none'
  }
  const header = { 'x-codexway-reasoning-output': 'think_tags' }
  expect(await seen({})).toBe('reasoning_content')
  expect(await seen({ agent: 'quiet' })).toBe('none')
  expect(await seen({ agent: 'quiet' }, header)).toBe('think_tags')
  expect(await seen({ codex_capabilities: { reasoning_output: 'none' } }, header)).toBe('none')
})
