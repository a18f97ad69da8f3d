import { writeFileSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { isObject, type JsonObject } from '../../src/lib/json.ts'
import { defaultText, itemsOf, messagesOf, respond, sentBy, sentFor, warningsOf } from '../support/ask.ts'
import { type Open, openGateway, startGateway } from '../support/gateway.ts'

const MODES = ['codex_default', 'merge_custom', 'custom_only'] as const
const BASE_NAMES = ['exec_command', 'write_stdin', 'apply_patch', 'view_image']
const tool = (name: string, properties: object = {}) => ({
  type: 'function' as const,
  function: { name, description: `The client's ${name}.`, parameters: { type: 'object', properties } },
})
const flat = (name: string) => ({
  type: 'function',
  name,
  description: `The client's ${name}.`,
  parameters: { type: 'object', properties: {} },
  strict: false,
})

/** A chat's fields: these capabilities, and a system text before the user's. */
function asking(capabilities: object, system?: string): object {
  const user = { role: 'user', content: 'Hello' }
  const messages = system === undefined ? [user] : [{ role: 'system', content: system }, user]
  return { messages, extra_body: { codex_capabilities: capabilities } }
}

function namesOf({ tools }: JsonObject): unknown[] {
  return Array.isArray(tools) ? tools.filter(isObject).map(({ name }) => name) : []
}

/** Configuration below `extra.codex`, in YAML's flow style. */
const codex = (text: string) => `backends: {openai_codex: {extra: {codex: {${text}}}}}\n`

describe('prompts', () => {
  let gateway: Open
  let D = ''
  beforeAll(async () => {
    gateway = await openGateway()
    D = defaultText(gateway.simulator)
    return () => gateway.close()
  })

  test('K-01: the base text is the model’s own, and a system text becomes developer input in its place', async () => {
    const messages = [
      { role: 'user', content: 'One' },
      { role: 'system', content: 'You are Bob' },
      { role: 'user', content: 'Two' },
    ]
    const { sent } = await sentFor(gateway, { messages })
    expect(sent.instructions).toBe(D)
    expect(messagesOf(sent)).toEqual([
      ['user', 'One'],
      ['developer', 'You are Bob'],
      ['user', 'Two'],
    ])
  })

  test.each(['gpt-5.5', 'gpt-5.6-sol'])(
    'K-01: streamed or not, the backend of %s gets the same body',
    async (model) => {
      const asked = { ...asking({ prompt_mode: 'merge_custom' }, 'You are Bob'), model, tools: [tool('x')] }
      const whole = await sentFor(gateway, asked)
      const streamed = await sentFor(gateway, { ...asked, stream: true })
      const withoutIds = ({ client_metadata: _ids, ...body }: JsonObject) => body
      expect(withoutIds(streamed.sent)).toEqual(withoutIds(whole.sent))
    },
  )

  test('K-01: a lite model gets its base text as the first developer message', async () => {
    const { sent } = await sentFor(gateway, { ...asking({}, 'You are Bob'), model: 'gpt-5.6-sol' })
    expect(sent).not.toHaveProperty('instructions')
    expect(messagesOf(sent)).toEqual([
      ['developer', defaultText(gateway.simulator, 'gpt-5.6-sol')],
      ['developer', 'You are Bob'],
      ['user', 'Hello'],
    ])
  })

  test.each(MODES)('K-02: in mode %s a system text arrives unchanged, to the last blank', async (prompt_mode) => {
    const text = '  É “quoted” 中文 😀\n\n\tindented  \n '
    const { sent } = await sentFor(gateway, asking({ prompt_mode }, text))
    const places = [String(sent.instructions), ...messagesOf(sent).map(([, each]) => each)]
    expect(places.filter((place) => place.includes(text))).toHaveLength(1)
    expect(messagesOf(sent).at(-1)).toEqual(['user', 'Hello'])
  })

  test('K-03: merge_custom puts the system text behind the base text, and nowhere else', async () => {
    const { sent } = await sentFor(gateway, asking({ prompt_mode: 'merge_custom' }, 'You are Bob'))
    expect([sent.instructions, messagesOf(sent)]).toEqual([`${D}\n\nYou are Bob`, [['user', 'Hello']]])
  })

  test('K-04: custom_only sends the system text alone', async () => {
    const { sent } = await sentFor(gateway, asking({ prompt_mode: 'custom_only' }, 'You are Bob'))
    expect([sent.instructions, messagesOf(sent)]).toEqual(['You are Bob', [['user', 'Hello']]])
  })

  test.each([undefined, ' \n'])(
    'K-05: custom_only with the system text %j falls back to the base text',
    async (text) => {
      expect((await sentFor(gateway, asking({ prompt_mode: 'custom_only' }, text))).sent.instructions).toBe(D)
    },
  )

  test('K-07: for a slug without a text of its own the instructions are a short one of ours', async () => {
    const { sent } = await sentFor(gateway, { model: 'gpt-5.1-codex' })
    expect(sent.instructions).toEqual(expect.stringMatching(/\S/))
    expect(sent.instructions).not.toContain('simulated model')
    expect(String(sent.instructions).length).toBeLessThan(500)
  })

  test.each([
    ['codex_default', 'X'],
    ['merge_custom', 'D\n\nX'],
    ['custom_only', 'X'],
  ])('K-25: passthrough in mode %s sends instructions as %j', async (prompt_mode, expected) => {
    const asked = respond(gateway, { instructions: 'X', codex_capabilities: { prompt_mode } })
    const { sent } = await sentBy(gateway, asked)
    expect([sent.instructions, messagesOf(sent)]).toEqual([expected.replace('D', D), [['user', 'Hello']]])
  })

  test.each(MODES)('K-25: passthrough in mode %s without instructions sends the base text', async (prompt_mode) => {
    const { sent } = await sentBy(gateway, respond(gateway, { codex_capabilities: { prompt_mode } }))
    expect(sent.instructions).toBe(D)
  })

  test.each([{ cwd: '/a&b' }, { extra_body: { cwd: '/a&b' } }, { project_dir: '/a&b', cwd: '/c' }])(
    'K-19: with the environment context on, the client’s %j is one message before the conversation',
    async (place) => {
      const capabilities = { include_environment_context: true }
      const { sent } = await sentFor(gateway, { ...place, codex_capabilities: capabilities })
      expect(messagesOf(sent)).toEqual([
        ['user', '<environment_context>\n  <cwd>/a&amp;b</cwd>\n</environment_context>'],
        ['user', 'Hello'],
      ])
      expect(sent).not.toHaveProperty('cwd')
      expectNothingOfOurs(sent)
    },
  )

  test('K-19: a client that says nothing of its environment gets no block; off, even one that does', async () => {
    const silent = await sentFor(gateway, { codex_capabilities: { include_environment_context: true } })
    expect(messagesOf(silent.sent)).toEqual([['user', 'Hello']])
    expectNothingOfOurs(silent.sent)
    expect(messagesOf((await sentFor(gateway, { cwd: '/a', shell: 'zsh' })).sent)).toEqual([['user', 'Hello']])
  })

  function expectNothingOfOurs(sent: JsonObject): void {
    const text = JSON.stringify(sent)
    // "root" is also what the Codex CLI calls its first agent, and a short name is part of any text.
    const names = [hostname(), userInfo().username].filter((name) => name.length > 3 && name !== 'root')
    const ours = [process.cwd(), gateway.home, ...names]
    for (const word of ours) expect(text).not.toContain(word)
  }
})

test('K-05: custom_only without a system text and without the fallback sends a blank one', async () => {
  const gateway = await startGateway({ yaml: codex('prompt: {fallback_to_default: false}') })
  expect((await sentFor(gateway, asking({ prompt_mode: 'custom_only' }))).sent.instructions).toBe('')
})

test.each([
  ['text', 'Be “brief”.'],
  ['file', 'file:./base.md'],
])('K-06: a template (%s) stands in for the model’s base text', async (kind, template) => {
  const content = '# Base\n\nBe “brief”.  \n'
  const gateway = await startGateway({
    yaml: codex(`prompt: {template: ${JSON.stringify(template)}}`),
    prepare: ({ home }) => writeFileSync(join(home, 'base.md'), content),
  })
  const expected = kind === 'file' ? content : template
  expect((await sentFor(gateway, asking({}, 'You are Bob'))).sent.instructions).toBe(expected)
  const merged = await sentFor(gateway, asking({ prompt_mode: 'merge_custom' }, 'You are Bob'))
  expect(merged.sent.instructions).toBe(`${expected}\n\nYou are Bob`)
  expect((await sentFor(gateway, { model: 'gpt-5.1-codex' })).sent.instructions).toBe(expected)
})

test('K-26: without passthrough a Responses request is treated as a chat, and unknown items stay', async () => {
  const gateway = await startGateway({
    yaml: codex('default_capabilities: {codex_passthrough: false}'),
    simulator: { strict: false },
  })
  const strange = { type: 'hologram_call', call_id: 'h1', depth: [1] }
  const user = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hi' }] }
  const { sent } = await sentBy(gateway, respond(gateway, { instructions: 'X', input: [user, strange] }))
  const developer = { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'X' }] }
  expect([sent.instructions, itemsOf(sent)]).toEqual([defaultText(gateway.simulator), [developer, user, strange]])
})

describe('tools', () => {
  let gateway: Open
  beforeAll(async () => {
    gateway = await openGateway({
      yaml: codex(
        'tool_schema: {custom_tools: [{type: function, function: {name: y, parameters: {type: object, properties: {}}}}]}',
      ),
    })
    return () => gateway.close()
  })

  test('K-08: the client’s tools come first, then the configured ones', async () => {
    const { sent } = await sentFor(gateway, { tools: [tool('x')] })
    expect(namesOf(sent)).toEqual(['x', 'y'])
    expect(sent.tools).toEqual([flat('x'), expect.objectContaining({ type: 'function', name: 'y' })])
  })

  test('K-08: of two tools of one name the client’s is sent, once', async () => {
    const { sent } = await sentFor(gateway, { tools: [tool('y', { of: { type: 'string' } })] })
    expect(namesOf(sent)).toEqual(['y'])
    expect(JSON.stringify(sent.tools)).toContain("The client's y.")
  })

  test('K-10: codex_default sends the base tools only, and reports that the client’s are left out', async () => {
    const asked = { tools: [tool('x')], codex_capabilities: { tool_schema_mode: 'codex_default' } }
    const { sent, headers } = await sentFor(gateway, asked)
    expect([namesOf(sent), headers.get('x-codexway-dropped-params')]).toEqual([BASE_NAMES, 'tools'])
  })

  test('K-10: that is no reason for a strict refusal', async () => {
    const capabilities = { tool_schema_mode: 'codex_default', strict_params: true }
    expect(namesOf((await sentFor(gateway, { tools: [tool('x')], codex_capabilities: capabilities })).sent)).toEqual(
      BASE_NAMES,
    )
  })

  test('K-12: merge_custom sends base, client and configured tools', async () => {
    const asked = { tools: [tool('x')], codex_capabilities: { tool_schema_mode: 'merge_custom' } }
    expect(namesOf((await sentFor(gateway, asked)).sent)).toEqual([...BASE_NAMES, 'x', 'y'])
    expect(warningsOf(gateway)).toEqual([])
  })
})

test('K-09: without tools none are sent', async () => {
  const gateway = await startGateway()
  expect((await sentFor(gateway)).sent.tools ?? []).toEqual([])
  expect((await sentFor(gateway, { tools: [] })).sent.tools ?? []).toEqual([])
})

test('K-11: with an empty list of base tools codex_default sends none', async () => {
  const gateway = await startGateway({ yaml: codex('tool_schema: {base_tools: []}') })
  const asked = { tools: [tool('x')], codex_capabilities: { tool_schema_mode: 'codex_default' } }
  expect((await sentFor(gateway, asked)).sent.tools ?? []).toEqual([])
})

test('K-12: a client’s tool named like a base tool is taken if its schema is the same, else the base tool with a warning', async () => {
  const gateway = await startGateway({
    yaml: codex(
      'tool_schema: {base_tools: [{type: function, name: look, description: base, parameters: {type: object, properties: {}}}]}',
    ),
  })
  const ask = async (properties: object) => {
    const asked = { tools: [tool('look', properties)], codex_capabilities: { tool_schema_mode: 'merge_custom' } }
    const { tools } = (await sentFor(gateway, asked)).sent
    return (tools as JsonObject[]).map(({ description }) => description)
  }
  expect(await ask({})).toEqual(["The client's look."])
  expect(warningsOf(gateway)).toEqual([])
  expect(await ask({ at: { type: 'string' } })).toEqual(['base'])
  expect(warningsOf(gateway).map(({ msg }) => msg)).toEqual([expect.stringContaining('look')])
})
