import { beforeAll, describe, expect, test } from 'vitest'
import { isObject, type JsonObject } from '../../src/lib/json.ts'
import type { ScenarioInput } from '../../src/simulator/scenario.ts'
import { chat, framesOf, itemsOf, respond, sentFor } from '../support/ask.ts'
import { type Open, openGateway, startGateway } from '../support/gateway.ts'

const tool = (name: string) => ({
  type: 'function',
  function: { name, parameters: { type: 'object', properties: {} } },
})

/** An answer that says "I look." and makes this call. */
function calling(name: string, args: string): ScenarioInput {
  return {
    stream: [
      { created: true },
      { text: 'I look.' },
      { tool_call: { name, arguments: args, call_id: 'call_9', deltas: 3 } },
      { completed: true },
    ],
  }
}

interface Delta {
  readonly content?: string
  readonly reasoning_content?: string
  readonly tool_calls?: { id?: string; function: { name?: string; arguments?: string } }[]
}

async function deltasOf(response: Response): Promise<Delta[]> {
  const frames = await framesOf(response)
  expect(frames.at(-1)).toBe('[DONE]')
  return frames.filter(isObject).flatMap(({ choices }) => {
    const [choice] = Array.isArray(choices) ? choices : []
    return isObject(choice) ? [choice.delta as Delta] : []
  })
}

async function messageOf(response: Response): Promise<JsonObject> {
  const { choices } = (await response.json()) as { choices: { message: JsonObject }[] }
  return choices[0]?.message ?? {}
}

/** The call as the deltas tell it. */
function callIn(deltas: readonly Delta[]) {
  const calls = deltas.flatMap(({ tool_calls: each }) => each ?? [])
  return {
    id: calls[0]?.id,
    name: calls[0]?.function.name,
    arguments: calls.map((call) => call.function.arguments ?? '').join(''),
  }
}

let gateway: Open
beforeAll(async () => {
  gateway = await openGateway()
  return () => gateway.close()
})

/** The same answer streamed and in one piece: the deltas, and the message. */
async function bothFor(scenario: ScenarioInput | string, capabilities: object, fields: object = {}) {
  const asked = { ...fields, codex_capabilities: capabilities }
  gateway.simulator.play(scenario, scenario)
  const deltas = await deltasOf(await chat(gateway, { ...asked, stream: true }))
  return { deltas, message: await messageOf(await chat(gateway, asked)) }
}

describe('answers', () => {
  const args = '{"city":"Köln",  "days":3}'

  test('K-20: as a summary the call is told right before its first delta, and is there unchanged', async () => {
    const { deltas, message } = await bothFor(calling('my_tool', args), { tool_text_format: 'summary' })
    const text = deltas.findIndex(({ content }) => content?.includes('[tool:my_tool]'))
    expect(deltas[text]?.content?.trim()).toBe(`[tool:my_tool] ${args}`)
    expect(deltas[text + 1]?.tool_calls?.[0]).toMatchObject({ id: 'call_9', function: { name: 'my_tool' } })
    expect(deltas.slice(0, text).some(({ tool_calls: calls }) => calls !== undefined)).toBe(false)
    expect(callIn(deltas)).toEqual({ id: 'call_9', name: 'my_tool', arguments: args })
    expect(message.content).toMatch(/^I look\.\s*\[tool:my_tool\] /)
    expect(message.tool_calls).toEqual([
      { id: 'call_9', type: 'function', function: { name: 'my_tool', arguments: args } },
    ])
  })

  test('K-20: with none no text is added', async () => {
    const { deltas, message } = await bothFor(calling('my_tool', args), { tool_text_format: 'none' })
    expect(deltas.map(({ content }) => content ?? '').join('')).toBe('I look.')
    expect(message.content).toBe('I look.')
    expect(callIn(deltas)).toEqual({ id: 'call_9', name: 'my_tool', arguments: args })
  })

  test.each([
    [
      'exec_command',
      '{"cmd":"ls <a> && b","workdir":"/w"}',
      { tool_text_format: 'codex_xml' },
      '<execute_command><command>ls &lt;a&gt; &amp;&amp; b</command><cwd>/w</cwd></execute_command>',
    ],
    [
      'shell',
      '{"command":["ls","-l"]}',
      { tool_text_format: 'xml' },
      '<execute_command><command>ls -l</command></execute_command>',
    ],
    [
      'view_image',
      '{"path":"a.png"}',
      { tool_text_format: 'codex_xml' },
      '<view_image><path>a.png</path></view_image>',
    ],
    ['exec_command', '{"cmd":"ls"}', { tool_text_format: 'markdown' }, '```bash\nls\n```'],
    ['weather', '{"city":"Bern"}', { tool_text_format: 'codex_xml' }, '[tool:weather] {"city":"Bern"}'],
    ['weather', '{"city":"Bern"}', { tool_text_format: 'codex_xml', fallback_tool_text_format: 'none' }, ''],
  ])('K-21: %s with %s and %j is told as %j', async (name, input, capabilities, expected) => {
    const { deltas, message } = await bothFor(calling(name, input), capabilities)
    const text = deltas.map(({ content }) => content ?? '').join('')
    expect(text.replace(/^I look\.\s*/, '')).toBe(expected)
    expect(String(message.content)).toBe(text)
    expect(callIn(deltas)).toEqual({ id: 'call_9', name, arguments: input })
  })

  test('K-21: a tool the format has no words for is told in the configured fallback, or the request’s', async () => {
    const configured = await startGateway({
      yaml: 'backends: {openai_codex: {extra: {codex: {default_capabilities: {tool_text_format: codex_xml, fallback_tool_text_format: markdown}}}}}\n',
    })
    const ask = async (fields: object) => {
      configured.simulator.play(calling('weather', '{"city":"Bern"}'))
      return String((await messageOf(await chat(configured, fields))).content)
    }
    expect(await ask({})).toMatch(/\*\*weather\*\*\n```json\n\{"city":"Bern"\}\n```$/)
    const asSummary = await ask({ codex_capabilities: { fallback_tool_text_format: 'summary' } })
    expect(asSummary).toMatch(/\[tool:weather\] \{"city":"Bern"\}$/)
  })

  test.each([true, false])(
    'K-23: with bypass %s a dangerous call reaches the client as it is, after one request',
    async (bypass) => {
      const input = '{"cmd": "git reset --hard",\n "yield_time_ms": 1}'
      const before = gateway.simulator.requests.length
      const { deltas, message } = await bothFor(
        calling('shell', input),
        { bypass_tool_call_reactor: bypass },
        { tools: [tool('shell')] },
      )
      expect(callIn(deltas)).toEqual({ id: 'call_9', name: 'shell', arguments: input })
      expect(message.tool_calls).toMatchObject([{ id: 'call_9', function: { name: 'shell', arguments: input } }])
      expect(gateway.simulator.requests).toHaveLength(before + 2)
    },
  )
})

describe('reasoning', () => {
  const thoughts = '**First thought**\n\n**Second thought**'

  test.each([
    ['body', { codex_capabilities: { reasoning_output: 'think_tags' } }, {}],
    ['header', {}, { 'x-codexway-reasoning-output': 'think_tags' }],
  ])('K-24: as think tags, asked by %s, it stands before the text', async (_by, fields, headers) => {
    gateway.simulator.play('reasoning', 'reasoning')
    const sent = headers as unknown as Record<string, string>
    const deltas = await deltasOf(await chat(gateway, { ...fields, stream: true }, sent))
    const text = deltas.map(({ content }) => content ?? '').join('')
    expect(text).toMatch(/^<think>[\s\S]*<\/think>\s*The answer\.$/)
    expect(text).toContain(thoughts)
    expect(deltas.some((delta) => 'reasoning_content' in delta)).toBe(false)
    const message = await messageOf(await chat(gateway, fields, sent))
    expect(message.content).toBe(text)
    expect(message).not.toHaveProperty('reasoning_content')
  })

  test('K-24: as think tags by configuration', async () => {
    const configured = await startGateway({
      yaml: 'backends: {openai_codex: {extra: {codex: {default_capabilities: {reasoning_output: think_tags}}}}}\n',
    })
    configured.simulator.play('reasoning')
    const deltas = await deltasOf(await chat(configured, { stream: true }))
    expect(deltas.map(({ content }) => content ?? '').join('')).toMatch(/^<think>[\s\S]*<\/think>\s*The answer\.$/)
  })

  test('K-24: with none it shows nowhere, and no summary is asked for', async () => {
    const { deltas, message } = await bothFor('reasoning', { reasoning_output: 'none' })
    for (const shown of [deltas, message]) expect(JSON.stringify(shown)).not.toMatch(/thought|reasoning|think/)
    expect(message.content).toBe('The answer.')
    expect(gateway.simulator.requests.at(-1)?.body.reasoning).not.toHaveProperty('summary')
  })

  test('K-24: by default it is reasoning_content, and that only', async () => {
    const { deltas, message } = await bothFor('reasoning', {})
    expect(deltas.map((delta) => delta.reasoning_content ?? '').join('')).toBe(thoughts)
    expect(deltas.map(({ content }) => content ?? '').join('')).toBe('The answer.')
    expect(message).toMatchObject({ content: 'The answer.', reasoning_content: thoughts })
    for (const shown of [deltas, message])
      expect(JSON.stringify(shown)).not.toMatch(/"(reasoning|thinking|reasoning_text)"/)
  })
})

describe('history', () => {
  test('K-22: calls and results that a client keeps as XML become items again', async () => {
    const { sent } = await sentFor(gateway, {
      tools: [tool('exec_command')],
      codex_capabilities: { tool_text_format: 'codex_xml' },
      messages: [
        { role: 'user', content: 'Look.' },
        {
          role: 'assistant',
          content: 'I look.\n<execute_command><command>ls</command><cwd>/w</cwd></execute_command>',
        },
        { role: 'user', content: "[execute_command for 'ls'] Result: ok\nfine" },
        { role: 'user', content: 'Go on.' },
      ],
    })
    const [, said, call, output, next] = itemsOf(sent)
    expect(said).toEqual({ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'I look.' }] })
    expect(call).toMatchObject({ type: 'function_call', name: 'exec_command' })
    expect(JSON.parse(String(call?.arguments))).toEqual({ cmd: 'ls', workdir: '/w' })
    expect(call?.call_id).toMatch(/^call_/)
    expect(output).toEqual({ type: 'function_call_output', call_id: call?.call_id, output: 'ok\nfine' })
    expect(next).toMatchObject({ role: 'user' })
  })

  test('K-22: with another format, and on /v1/responses, the texts stay texts', async () => {
    const assistant = '<execute_command><command>ls</command></execute_command>'
    const messages = [
      { role: 'user', content: 'Look.' },
      { role: 'assistant', content: assistant },
      { role: 'user', content: '[execute_command] Result: ok' },
    ]
    const { sent } = await sentFor(gateway, { messages, codex_capabilities: { tool_text_format: 'markdown' } })
    expect(itemsOf(sent).map(({ type }) => type)).toEqual(['message', 'message', 'message'])
    const capabilities = { tool_text_format: 'codex_xml', codex_passthrough: false }
    const answer = await respond(gateway, { input: messages, codex_capabilities: capabilities })
    expect(answer.status).toBe(200)
    expect(JSON.stringify(itemsOf(gateway.simulator.requests.at(-1)?.body))).toContain(assistant)
  })
})
