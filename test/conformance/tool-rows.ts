import assert from 'node:assert/strict'
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema'
import { ResponsesToolRunner } from 'openai/helpers/responses-tool-runner'
import type { ResponseCreateParamsNonStreaming } from 'openai/resources/responses/responses'
import { arrayAt, type JsonObject } from '../../src/lib/json.ts'
import { type Lab, lastItems, passed, type Row, refused, sent, turn } from './row.ts'

const MODEL = 'gpt-5.5'
const HELLO = [{ role: 'user' as const, content: 'Hello' }]
const CHAT = { model: MODEL, messages: HELLO }
const RESPONSES = { model: MODEL, input: 'Hello' }
const MESSAGES = { model: MODEL, max_tokens: 1000, messages: HELLO }

const SCHEMA = {
  type: 'object' as const,
  properties: { a: { type: 'string' as const } },
  required: ['a'],
  additionalProperties: false,
}
const LOOK = { name: 'look', description: 'Looks.' }
const CHAT_TOOL = { type: 'function' as const, function: { ...LOOK, parameters: SCHEMA } }
const RESPONSES_TOOL = { type: 'function' as const, ...LOOK, parameters: SCHEMA, strict: false }
const MESSAGES_TOOL = { ...LOOK, input_schema: SCHEMA }
const PATCH = { name: 'patch', format: { type: 'text' as const } }
const CALL = { name: 'look', arguments: '{"a":"b"}', call_id: 'call_1', deltas: 3 }
const TWO = turn({ parallel: [CALL, { ...CALL, call_id: 'call_2' }], interleave: true })
const IDS = ['call_1', 'call_2']

/** Tools of the client's, and those the backend runs itself. */
export const TOOL_ROWS: readonly Row[] = [
  {
    feature: 'a function tool and its call',
    claims: {
      chat: passed(async (lab) => {
        lab.simulator.play(turn({ tool_call: CALL }))
        const [choice] = (await lab.openai.chat.completions.create({ ...CHAT, tools: [CHAT_TOOL] })).choices
        const [call] = choice?.message.tool_calls ?? []
        assert.deepEqual(call, { id: 'call_1', type: 'function', function: { name: 'look', arguments: '{"a":"b"}' } })
        assert.equal(choice?.finish_reason, 'tool_calls')
        assertLook(lab)
      }),
      responses: passed(async (lab) => {
        lab.simulator.play(turn({ tool_call: CALL }))
        const [call] = (await lab.openai.responses.create({ ...RESPONSES, tools: [RESPONSES_TOOL] })).output
        assert.deepEqual(call?.type === 'function_call' ? [call.call_id, call.arguments] : [], ['call_1', '{"a":"b"}'])
        assertLook(lab)
      }),
      messages: passed(async (lab) => {
        lab.simulator.play(turn({ tool_call: CALL }))
        const answer = await lab.anthropic.messages.create({ ...MESSAGES, tools: [MESSAGES_TOOL] })
        const [call] = answer.content
        assert.deepEqual(call?.type === 'tool_use' ? [call.id, call.input] : [], ['call_1', { a: 'b' }])
        assert.equal(answer.stop_reason, 'tool_use')
        assertLook(lab)
      }),
    },
  },
  {
    feature: 'parallel calls, streamed, their arguments interleaved',
    claims: {
      chat: passed(async ({ simulator, openai }) => {
        simulator.play(TWO)
        const answer = await openai.chat.completions.stream({ ...CHAT, tools: [CHAT_TOOL] }).finalChatCompletion()
        const calls = answer.choices[0]?.message.tool_calls ?? []
        assert.deepEqual(
          calls.map((call) => [call.id, call.type === 'function' && call.function.arguments]),
          IDS.map((id) => [id, '{"a":"b"}']),
        )
      }),
      responses: passed(async ({ simulator, openai }) => {
        simulator.play(TWO)
        const answer = await openai.responses.stream({ ...RESPONSES, tools: [RESPONSES_TOOL] }).finalResponse()
        const calls = answer.output.map((call) => (call.type === 'function_call' ? [call.call_id, call.arguments] : []))
        assert.deepEqual(
          calls,
          IDS.map((id) => [id, '{"a":"b"}']),
        )
      }),
      messages: passed(async ({ simulator, anthropic }) => {
        simulator.play(TWO)
        const answer = await anthropic.messages.stream({ ...MESSAGES, tools: [MESSAGES_TOOL] }).finalMessage()
        const calls = answer.content.map((call) => (call.type === 'tool_use' ? [call.id, call.input] : []))
        assert.deepEqual(
          calls,
          IDS.map((id) => [id, { a: 'b' }]),
        )
      }),
    },
  },
  {
    feature: 'the tool runner: calls, runs, reports back, ends',
    claims: {
      chat: passed(async (lab) => {
        lab.simulator.play(turn({ tool_call: CALL }), turn({ text: 'Seen.' }))
        const run = ({ a }: { a: string }) => `saw ${a}`
        const runner = lab.openai.chat.completions.runTools({
          ...CHAT,
          tools: [{ type: 'function', function: { ...LOOK, parameters: SCHEMA, function: run, parse: JSON.parse } }],
        })
        assert.equal(await runner.finalContent(), 'Seen.')
        assertResult(lab)
      }),
      responses: passed(async (lab) => {
        lab.simulator.play(turn({ tool_call: CALL }), turn({ text: 'Seen.' }))
        const execute = ({ a }: Record<string, unknown>) => `saw ${a}`
        const runner = new ResponsesToolRunner({ functions: [{ tool: RESPONSES_TOOL, execute }] })
        assert.equal((await runner.run(lab.openai, RESPONSES)).output_text, 'Seen.')
        assertResult(lab)
      }),
      messages: passed(async (lab) => {
        lab.simulator.play(turn({ tool_call: CALL }), turn({ text: 'Seen.' }))
        const tool = betaTool({ ...LOOK, inputSchema: SCHEMA, run: ({ a }) => `saw ${a}` })
        const answer = await lab.anthropic.beta.messages.toolRunner({ ...MESSAGES, tools: [tool] })
        assert.deepEqual(
          answer.content.map((block) => block.type === 'text' && block.text),
          ['Seen.'],
        )
        assertResult(lab)
      }),
    },
  },
  {
    feature: 'strict tools',
    claims: {
      chat: passed(async (lab) => {
        const tool = { type: 'function' as const, function: { ...CHAT_TOOL.function, strict: true } }
        await lab.openai.chat.completions.create({ ...CHAT, tools: [tool] })
        assert.equal(firstTool(lab).strict, true)
      }),
      responses: passed(async (lab) => {
        await lab.openai.responses.create({ ...RESPONSES, tools: [{ ...RESPONSES_TOOL, strict: true }] })
        assert.equal(firstTool(lab).strict, true)
      }),
      messages: passed(async (lab) => {
        await lab.anthropic.messages.create({ ...MESSAGES, tools: [{ ...MESSAGES_TOOL, strict: true }] })
        assert.equal(firstTool(lab).strict, true)
      }),
    },
  },
  {
    feature: 'custom tools with free text',
    claims: {
      chat: passed(async (lab) => {
        lab.simulator.play(turn({ custom_tool_call: { name: 'patch', input: 'a\n"b"' } }))
        const answer = await lab.openai.chat.completions.create({ ...CHAT, tools: [{ type: 'custom', custom: PATCH }] })
        const [call] = answer.choices[0]?.message.tool_calls ?? []
        assert.deepEqual(call?.type === 'custom' ? call.custom : undefined, { name: 'patch', input: 'a\n"b"' })
        assert.equal(firstTool(lab).type, 'custom')
      }),
      responses: passed(async (lab) => {
        lab.simulator.play(turn({ custom_tool_call: { name: 'patch', input: 'a\n"b"' } }))
        const [call] = (await lab.openai.responses.create({ ...RESPONSES, tools: [{ type: 'custom', ...PATCH }] }))
          .output
        assert.equal(call?.type === 'custom_tool_call' ? call.input : undefined, 'a\n"b"')
        assert.equal(firstTool(lab).type, 'custom')
      }),
    },
  },
  {
    feature: 'the old form: `functions`, `function_call`',
    claims: {
      chat: passed(async ({ simulator, openai }) => {
        simulator.play(turn({ tool_call: CALL }))
        const functions = [{ ...LOOK, parameters: SCHEMA }]
        const [choice] = (await openai.chat.completions.create({ ...CHAT, functions })).choices
        assert.deepEqual(choice?.message.function_call, { name: 'look', arguments: '{"a":"b"}' })
        assert.equal(choice?.finish_reason, 'function_call')
      }),
    },
  },
  {
    feature: 'a demanded tool',
    claims: {
      chat: passed(async (lab) => {
        const choice = { type: 'function' as const, function: { name: 'look' } }
        await lab.openai.chat.completions.create({ ...CHAT, tools: [CHAT_TOOL], tool_choice: choice })
        assert.deepEqual(sent(lab).tool_choice, { type: 'function', name: 'look' })
      }),
      responses: passed(async (lab) => {
        const choice = { type: 'function' as const, name: 'look' }
        await lab.openai.responses.create({ ...RESPONSES, tools: [RESPONSES_TOOL], tool_choice: choice })
        assert.deepEqual(sent(lab).tool_choice, choice)
      }),
      messages: passed(async (lab) => {
        const choice = { type: 'tool' as const, name: 'look' }
        await lab.anthropic.messages.create({ ...MESSAGES, tools: [MESSAGES_TOOL], tool_choice: choice })
        assert.deepEqual(sent(lab).tool_choice, { type: 'function', name: 'look' })
      }),
    },
  },
  {
    feature: 'some tool, whichever',
    claims: {
      chat: passed(async (lab) => {
        await lab.openai.chat.completions.create({ ...CHAT, tools: [CHAT_TOOL], tool_choice: 'required' })
        assert.equal(sent(lab).tool_choice, 'required')
      }),
      responses: passed(async (lab) => {
        await lab.openai.responses.create({ ...RESPONSES, tools: [RESPONSES_TOOL], tool_choice: 'required' })
        assert.equal(sent(lab).tool_choice, 'required')
      }),
      messages: passed(async (lab) => {
        await lab.anthropic.messages.create({ ...MESSAGES, tools: [MESSAGES_TOOL], tool_choice: { type: 'any' } })
        assert.equal(sent(lab).tool_choice, 'required')
      }),
    },
  },
  {
    feature: 'tools the request allows (`allowed_tools`)',
    claims: {
      chat: passed(async (lab) => {
        const allowed = { mode: 'auto' as const, tools: [{ type: 'function', function: { name: 'look' } }] }
        const choice = { type: 'allowed_tools' as const, allowed_tools: allowed }
        await lab.openai.chat.completions.create({ ...CHAT, tools: [CHAT_TOOL], tool_choice: choice })
        const { tool_choice: seen } = sent(lab)
        assert.deepEqual(seen, { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'look' }] })
      }),
      responses: passed(async (lab) => {
        const choice = {
          type: 'allowed_tools' as const,
          mode: 'auto' as const,
          tools: [{ type: 'function', name: 'look' }],
        }
        await lab.openai.responses.create({ ...RESPONSES, tools: [RESPONSES_TOOL], tool_choice: choice })
        assert.deepEqual(sent(lab).tool_choice, choice)
      }),
    },
  },
  {
    feature: 'web search by the backend',
    claims: {
      responses: passed(async (lab) => {
        lab.simulator.play(turn({ web_search_call: { query: 'q' } }, { text: 'Found.' }))
        const answer = await lab.openai.responses.create({ ...RESPONSES, tools: [{ type: 'web_search' }] })
        assert.deepEqual(
          answer.output.map(({ type }) => type),
          ['web_search_call', 'message'],
        )
        assert.equal(firstTool(lab).type, 'web_search')
      }),
      messages: passed(async (lab) => {
        lab.simulator.play(turn({ web_search_call: { query: 'q' } }, { text: 'Found.' }))
        const tool = { type: 'web_search_20250305' as const, name: 'web_search' as const }
        const answer = await lab.anthropic.messages.create({ ...MESSAGES, tools: [tool] })
        assert.deepEqual(answer.content[0]?.type, 'server_tool_use')
        assert.equal(firstTool(lab).type, 'web_search')
      }),
    },
  },
  ...[{ type: 'image_generation' as const }, { type: 'local_shell' as const }].map((tool) => ({
    feature: `hosted tool \`${tool.type}\``,
    claims: {
      responses: passed(async (lab) => {
        await lab.openai.responses.create({ ...RESPONSES, tools: [tool] })
        assert.deepEqual(firstTool(lab), tool)
      }),
    },
  })),
  ...hostedElsewhere(),
  {
    feature: 'other server tools (`code_execution_…`, `bash_…`)',
    claims: {
      messages: refused(400, ({ anthropic }) =>
        anthropic.beta.messages.create({
          ...MESSAGES,
          tools: [{ type: 'code_execution_20250522', name: 'code_execution' }],
        }),
      ),
    },
  },
]

/** Tools of the official type that this backend does not have: its own refusal comes through. */
function hostedElsewhere(): Row[] {
  const tools: NonNullable<ResponseCreateParamsNonStreaming['tools']> = [
    { type: 'file_search', vector_store_ids: ['vs_1'] },
    { type: 'code_interpreter', container: { type: 'auto' } },
    { type: 'mcp', server_label: 'm', server_url: 'https://mcp.example' },
  ]
  return tools.map((tool) => ({
    feature: `hosted tool \`${tool.type}\``,
    claims: {
      responses: refused(400, ({ openai }) => openai.responses.create({ ...RESPONSES, tools: [tool] }), 'backend'),
    },
  }))
}

function firstTool(lab: Lab): JsonObject {
  return (arrayAt(sent(lab), 'tools')?.[0] ?? {}) as JsonObject
}

function assertLook(lab: Lab): void {
  assert.deepEqual(firstTool(lab), { type: 'function', ...LOOK, parameters: SCHEMA, strict: false })
}

function assertResult(lab: Lab): void {
  const results = lastItems(lab).filter(({ type }) => type === 'function_call_output')
  assert.deepEqual(
    results.map(({ call_id: id, output }) => [id, typeof output === 'string' ? output : JSON.stringify(output)]),
    [['call_1', 'saw b']],
  )
}
