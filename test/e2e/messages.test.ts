import type Anthropic from '@anthropic-ai/sdk'
import { expect, test } from 'vitest'
import { turnOf } from '../../src/simulator/default-answer.ts'
import { ev, item } from '../../src/simulator/events.ts'
import { startGateway } from '../support/gateway.ts'
import { messagesClient } from '../support/messages-client.ts'

const HELLO: Anthropic.MessageCreateParamsNonStreaming = {
  model: 'gpt-5.5',
  max_tokens: 1000,
  messages: [{ role: 'user', content: 'Hello' }],
}
const BASH: Anthropic.Tool = {
  name: 'Bash',
  description: 'Runs a command.',
  input_schema: { type: 'object', properties: { command: { type: 'string' } }, required: ['command'] },
}

test('messages.create answers with a whole message', async () => {
  const gateway = await startGateway()
  gateway.simulator.play({ stream: turnOf([item.message('Hello there.')]) })
  const {
    id: _id,
    usage,
    ...message
  } = await messagesClient(gateway).messages.create({ ...HELLO, system: 'Be brief.' })
  expect(message).toMatchObject({
    type: 'message',
    role: 'assistant',
    model: 'gpt-5.5',
    content: [{ type: 'text', text: 'Hello there.', citations: null }],
    stop_reason: 'end_turn',
    stop_sequence: null,
  })
  expect(usage.output_tokens).toBeGreaterThan(0)
  const { input, max_output_tokens: limit } = gateway.simulator.requests[0]?.body ?? {}
  expect(limit).toBeUndefined()
  expect(input).toEqual([
    { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'Be brief.' }] },
    { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hello' }] },
  ])
})

test('messages.stream runs a tool and comes back with its result', async () => {
  const gateway = await startGateway()
  const client = messagesClient(gateway, '/anthropic')
  const messages: Anthropic.MessageParam[] = [{ role: 'user', content: 'Please run `ls -l`.' }]
  const ask = { ...HELLO, tools: [BASH] }
  const first = await client.messages.stream({ ...ask, messages }).finalMessage()
  expect([first.stop_reason, first.content]).toEqual([
    'tool_use',
    [
      {
        type: 'tool_use',
        id: expect.any(String),
        name: 'Bash',
        input: { command: 'ls -l' },
        caller: { type: 'direct' },
      },
    ],
  ])
  const [call] = first.content
  const id = call?.type === 'tool_use' ? call.id : ''
  messages.push({ role: 'assistant', content: first.content })
  messages.push({ role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: 'total 0' }] })
  const second = await client.messages.stream({ ...ask, messages }).finalMessage()
  expect(second.stop_reason).toBe('end_turn')
  expect(second.content.map((block) => (block.type === 'text' ? block.text : ''))[0]).toContain('total 0')
})

test('thinking comes back sealed and survives a round trip without a store', async () => {
  const gateway = await startGateway({ yaml: 'backends: {openai_codex: {extra: {codex: {reasoning_replay: false}}}}' })
  const client = messagesClient(gateway)
  const sealed = item.reasoning(['**Weighing it**'], { encrypted_content: 'gAAA-sealed' })
  gateway.simulator.play({ stream: turnOf([sealed, item.message('Four.')]) })
  const ask = { ...HELLO, thinking: { type: 'adaptive' as const } }
  const first = await client.messages.stream(ask).finalMessage()
  expect(first.content).toMatchObject([
    { type: 'thinking', thinking: '**Weighing it**', signature: expect.stringContaining('gAAA-sealed') },
    { type: 'text', text: 'Four.' },
  ])
  const messages: Anthropic.MessageParam[] = [
    ...HELLO.messages,
    { role: 'assistant', content: first.content },
    { role: 'user', content: 'Sure?' },
  ]
  await client.messages.create({ ...ask, messages })
  const { input, reasoning } = gateway.simulator.requests[1]?.body ?? {}
  expect(reasoning).toMatchObject({ summary: 'auto' })
  expect((input as object[])[1]).toEqual({
    type: 'reasoning',
    summary: [{ type: 'summary_text', text: '**Weighing it**' }],
    encrypted_content: 'gAAA-sealed',
  })
})

test('reasoning is given back once, whether the client or the gateway remembers it', async () => {
  const gateway = await startGateway()
  const client = messagesClient(gateway)
  const sealed = item.reasoning([], { encrypted_content: 'gAAA-sealed' })
  for (const thinking of [{ type: 'adaptive' as const }, undefined]) {
    gateway.simulator.play({ stream: turnOf([sealed, item.message('Four.')]) })
    const ask = { ...HELLO, ...(thinking === undefined ? {} : { thinking }) }
    const { content } = await client.messages.create(ask)
    expect(content).toHaveLength(thinking === undefined ? 1 : 2)
    const messages: Anthropic.MessageParam[] = [...HELLO.messages, { role: 'assistant', content }, ...HELLO.messages]
    await client.messages.create({ ...ask, messages })
    const { input } = gateway.simulator.requests.at(-1)?.body ?? {}
    expect(JSON.stringify(input).split('gAAA-sealed')).toHaveLength(2)
  }
})

test('a late failure is an error event, and no message_stop follows', async () => {
  const gateway = await startGateway()
  const begun = [ev.created(), ev.added(item.message('', { content: [], status: 'in_progress' })), ev.text('Hel')]
  const failed = ev.failed({ code: 'server_error', message: 'It broke' })
  const scenario = { stream: [...begun, { pauseMs: 200 }, failed] }
  gateway.simulator.play(scenario, scenario)
  const text = await (await gateway.post('/v1/messages', { ...HELLO, stream: true })).text()
  expect(text.trimEnd().split('\n\n').at(-1)).toBe(
    'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"It broke","details":{"error_code":"server_error"}},"request_id":null}',
  )
  expect(text).not.toContain('message_stop')
  await expect(messagesClient(gateway).messages.stream(HELLO).finalMessage()).rejects.toMatchObject({
    type: 'api_error',
  })
})

test('a stop sequence and a token limit end the answer as the protocol says', async () => {
  const gateway = await startGateway()
  const client = messagesClient(gateway)
  const stream = turnOf([item.message('one two END three four five six')])
  gateway.simulator.play({ stream }, { stream }, { stream })
  const stopped = await client.messages.stream({ ...HELLO, stop_sequences: ['x', 'END'] }).finalMessage()
  expect(stopped).toMatchObject({ stop_reason: 'stop_sequence', stop_sequence: 'END', content: [{ text: 'one two ' }] })
  const whole = await client.messages.create({ ...HELLO, stop_sequences: ['END'] })
  expect(whole).toMatchObject({ stop_reason: 'stop_sequence', stop_sequence: 'END', content: [{ text: 'one two ' }] })
  const cut = await client.messages.create({ ...HELLO, max_tokens: 2 })
  expect(cut).toMatchObject({ stop_reason: 'max_tokens', stop_sequence: null, content: [{ text: 'one two' }] })
})

test('the beta client, and names the backend refuses, work alike', async () => {
  const gateway = await startGateway()
  const name = `mcp.files/${'x'.repeat(80)}`
  const asked = await messagesClient(gateway).beta.messages.create({
    ...HELLO,
    betas: ['context-management-2025-06-27'],
    tools: [{ name, input_schema: { type: 'object' } }],
    tool_choice: { type: 'tool', name, disable_parallel_tool_use: true },
  })
  expect(asked.content.at(-1)).toMatchObject({ type: 'tool_use', name })
  const { tools, tool_choice: choice, parallel_tool_calls: parallel } = gateway.simulator.requests[0]?.body ?? {}
  const sent = (tools as { name: string }[])[0]?.name ?? ''
  expect(sent).toMatch(/^[A-Za-z0-9_-]{1,64}$/)
  expect([choice, parallel]).toEqual([{ type: 'function', name: sent }, false])
})

test('parallel calls, streamed, each with its own block', async () => {
  const gateway = await startGateway()
  const calls = ['a', 'b'].map((id) =>
    item.functionCall('Bash', `{"command":"${id}"}`, { id: `fc_${id}`, call_id: id }),
  )
  gateway.simulator.play({ stream: turnOf(calls) })
  const message = await messagesClient(gateway)
    .messages.stream({ ...HELLO, tools: [BASH] })
    .finalMessage()
  expect(message.content).toMatchObject([
    { type: 'tool_use', id: 'a', input: { command: 'a' } },
    { type: 'tool_use', id: 'b', input: { command: 'b' } },
  ])
})

test('the profile of the request holds here, too: system text by prompt_mode, base tools by tool_schema_mode', async () => {
  const gateway = await startGateway()
  const body = { ...HELLO, system: 'Be brief.', tools: [BASH] }
  const profile = { prompt_mode: 'custom_only', tool_schema_mode: 'codex_default' }
  const response = await gateway.post('/v1/messages', { ...body, codex_capabilities: profile })
  expect([response.status, response.headers.get('x-codexway-dropped-params')]).toEqual([200, 'tools'])
  const { instructions, tools } = gateway.simulator.requests[0]?.body ?? {}
  expect(instructions).toBe('Be brief.')
  expect((tools as { name: string }[]).map(({ name }) => name)).toContain('exec_command')
})

test('silence is broken by pings', async () => {
  const gateway = await startGateway({ keepaliveMs: 50 })
  const begun = [ev.created(), ev.added(item.message('', { content: [], status: 'in_progress' })), ev.text('Hel')]
  gateway.simulator.play({ stream: [...begun, { pauseMs: 400 }, ev.done(item.message('Hello')), ev.completed()] })
  const text = await (await gateway.post('/v1/messages', { ...HELLO, stream: true })).text()
  expect(text).toContain('event: ping\ndata: {"type":"ping"}\n\n')
  expect(text.trimEnd().endsWith('data: {"type":"message_stop"}')).toBe(true)
})
