import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../lib/json.ts'
import { defaultAnswer } from './default-answer.ts'
import { findCommands } from './shell-call.ts'

function user(text: string): JsonObject {
  return { role: 'user', content: [{ type: 'input_text', text }] }
}

function shell(name: string, properties: JsonObject, required: string[] = Object.keys(properties)): JsonObject {
  return { type: 'function', name, parameters: { type: 'object', properties, required } }
}

/** What stands between response.created and response.completed. */
function answer(body: JsonObject): unknown[] {
  return defaultAnswer(body).slice(2, -1)
}

const cmd = shell('exec_command', { cmd: { type: 'string' } })

test('a greeting gets a short text', () => {
  expect(answer({ input: [user('hello')] })).toEqual([{ text: 'Simulated answer to: hello', phase: 'final_answer' }])
})

test('encrypted reasoning comes when include asks, with a summary when reasoning.summary asks', () => {
  const body = { input: [user('x')], include: ['reasoning.encrypted_content'] }
  const secret = expect.stringMatching(/^gAAAAAB/)
  expect(answer(body)[0]).toEqual({ reasoning: { summary: [], encrypted_content: secret } })
  expect(answer({ ...body, reasoning: { summary: 'auto' } })[0]).toEqual({
    reasoning: { summary: ['**Reading the request**'], encrypted_content: secret },
  })
})

describe('commands', () => {
  test('are called with the shell on offer, one a turn, then reported', () => {
    const prompt = user('Run `echo a`, then `echo b`.')
    const first = { type: 'function_call', call_id: 'c1', name: 'exec_command', arguments: '{}' }
    const second = { ...first, call_id: 'c2' }
    const results = [
      { type: 'function_call_output', call_id: 'c1', output: 'a\n' },
      { type: 'function_call_output', call_id: 'c2', output: [{ type: 'input_text', text: 'b\n' }] },
    ]
    const at = (...items: unknown[]) => answer({ tools: [cmd], input: [prompt, ...items] })
    expect(at()).toEqual([{ tool_call: { name: 'exec_command', arguments: { cmd: 'echo a' } } }])
    expect(at(first, results[0])).toEqual([{ tool_call: { name: 'exec_command', arguments: { cmd: 'echo b' } } }])
    expect(at(first, results[0], second, results[1])).toEqual([
      { text: 'The command printed: a\nThe command printed: b', phase: 'final_answer' },
    ])
  })

  test("fit the tool's own schema", () => {
    const call = (tool: JsonObject) => answer({ tools: [tool], input: [user('run `ls`')] })
    expect(
      call(shell('shell', { command: { type: 'array', items: { type: 'string' } }, workdir: { type: 'string' } })),
    ).toEqual([{ tool_call: { name: 'shell', arguments: { command: ['bash', '-lc', 'ls'], workdir: '.' } } }])
    expect(
      call(
        shell('Bash', {
          command: { type: 'string' },
          description: { type: 'string' },
          timeout: { type: 'number' },
          risk: { enum: ['low', 'high'] },
          background: { type: ['boolean', 'null'] },
        }),
      ),
    ).toEqual([
      {
        tool_call: {
          name: 'Bash',
          arguments: { command: 'ls', description: 'Runs ls', timeout: 1, risk: 'low', background: false },
        },
      },
    ])
  })

  test("reach the shell of the Codex CLI's code mode, inside its namespace", () => {
    const tools = [{ type: 'namespace', name: 'functions', tools: [{ type: 'custom', name: 'exec' }] }]
    const [step] = answer({ input: [{ type: 'additional_tools', role: 'developer', tools }, user('run `echo "hi"`')] })
    expect(step).toEqual({
      custom_tool_call: {
        name: 'exec',
        namespace: 'functions',
        input:
          'const result = await tools.exec_command({ cmd: "echo \\"hi\\"" });\ntext(result.output ?? JSON.stringify(result));',
      },
    })
  })

  test('are found in backticks, in fences, and in plain words', () => {
    expect(findCommands('Please run `a b` and execute `c`')).toEqual(['a b', 'c'])
    expect(findCommands('run this:\n```sh\nls -l\n```')).toEqual(['ls -l'])
    expect(findCommands('Run echo hello and tell me what it prints.')).toEqual(['echo hello'])
    expect(findCommands('execute the command: date')).toEqual(['date'])
    expect(findCommands('What does `ls` do?')).toEqual([])
  })

  test('stay uncalled when tools are off or absent', () => {
    expect(answer({ tools: [cmd], tool_choice: 'none', input: [user('run `ls`')] })).toHaveLength(1)
    expect(answer({ input: [user('run `ls`')] })).toEqual([
      { text: 'Simulated answer to: run `ls`', phase: 'final_answer' },
    ])
  })
})

test('a demanded tool is called once with arguments that fit', () => {
  const weather = shell('get_weather', { city: { type: 'string' }, days: { type: 'integer' } })
  const call = { tool_call: { name: 'get_weather', arguments: { city: 'sample', days: 1 } } }
  const choice = { type: 'function', name: 'get_weather' }
  expect(answer({ tools: [weather], tool_choice: choice, input: [user('x')] })).toEqual([call])
  expect(answer({ tools: [weather], tool_choice: 'required', input: [user('x')] })).toEqual([call])
  expect(answer({ tools: [weather], input: [user('Use the tool get_weather.')] })).toEqual([call])
  expect(answer({ tools: [weather], input: [user('How is the weather?')] })).toEqual([
    { text: 'Simulated answer to: How is the weather?', phase: 'final_answer' },
  ])
})

test('a JSON format is kept', () => {
  const schema = {
    type: 'object',
    required: ['a', 'list'],
    properties: { a: { $ref: '#/$defs/a' }, list: { type: 'array', items: { type: 'number' } }, free: {} },
    $defs: { a: { anyOf: [{ type: 'boolean' }, { type: 'null' }] } },
  }
  const format = { type: 'json_schema', name: 'x', schema }
  expect(answer({ input: [user('x')], text: { format } })).toEqual([
    { text: '{"a":false,"list":[1]}', phase: 'final_answer' },
  ])
})

test('a compaction is answered with exactly one compaction item', () => {
  const steps = answer({ input: [user('x'), { type: 'compaction_trigger' }], include: ['reasoning.encrypted_content'] })
  expect(steps).toEqual([{ item: expect.objectContaining({ type: 'compaction' }) }])
})
