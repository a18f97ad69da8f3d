import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../lib/json.ts'
import { SIMULATOR_MODELS } from './models.ts'
import type { Refusal } from './refusal.ts'
import { findRefusal } from './rules.ts'

const LITE_HEADERS = { 'x-openai-internal-codex-responses-lite': 'true' }
const user = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] }
const tool = { type: 'function', name: 'f', parameters: { type: 'object', properties: {} }, strict: false }
const call = { type: 'function_call', call_id: 'call_1', name: 'f', arguments: '{}' }
const output = { type: 'function_call_output', call_id: 'call_1', output: 'ok' }

const CLASSIC = { model: 'gpt-5.5', instructions: '', input: [user], store: false, stream: true }
const LITE = {
  model: 'gpt-5.6-sol',
  input: [{ type: 'additional_tools', role: 'developer', tools: [tool] }, user],
  parallel_tool_calls: false,
  reasoning: { effort: 'max', context: 'all_turns' },
  store: false,
  stream: true,
}

function check(body: JsonObject, headers: Record<string, string> = {}): Refusal | undefined {
  return findRefusal({ body, headers, models: SIMULATOR_MODELS, unlistedModels: ['gpt-old'] })
}

/** The message of the refusal of the classic body with these changes. */
function complaint(changes: JsonObject): unknown {
  const body = check({ ...CLASSIC, ...changes })?.body
  return body === undefined ? undefined : (body.detail ?? (body.error as JsonObject).message)
}

describe('accepted', () => {
  const accepted: Record<string, JsonObject> = {
    'the least there is': {},
    'no instructions when the first item is a developer message': {
      instructions: undefined,
      input: [{ role: 'developer', content: 'Be brief.' }, user],
    },
    'everything the allow-list names': {
      tools: [tool, { type: 'custom', name: 'patch' }, { type: 'namespace', name: 'n', tools: [tool] }],
      tool_choice: { type: 'function', name: 'f' },
      parallel_tool_calls: true,
      reasoning: { effort: 'xhigh', summary: 'auto' },
      text: { verbosity: 'low', format: { type: 'json_schema', name: 'x', schema: { type: 'object' } } },
      include: ['reasoning.encrypted_content'],
      prompt_cache_key: 'k',
      service_tier: 'priority',
      client_metadata: { a: 'b' },
      access_programs: { cyber: 'x' },
    },
    'a call with its result': { input: [user, call, output] },
    'ids the client made': { input: [{ ...user, id: 'msg_01a2052d-4844-72a2-963b-ed962f6949ae' }] },
    "the backend's ids from the Codex CLI": {
      input: [
        user,
        { type: 'reasoning', id: 'rs_0005', summary: [], internal_chat_message_metadata_passthrough: { turn_id: 't' } },
      ],
    },
    'item types the rules do not know': { input: [user, { type: 'something_new', id: 'x' }] },
    'a slug outside the catalogue that is known to work': { model: 'gpt-old' },
    'the classic shape of a lite model with a hosted tool': { model: 'gpt-5.6-sol', tools: [{ type: 'web_search' }] },
  }
  for (const [title, changes] of Object.entries(accepted)) {
    test(title, () => expect(complaint(changes)).toBeUndefined())
  }
  test('the lite shape', () => expect(check(LITE, LITE_HEADERS)).toBeUndefined())
})

describe('refused in the words of backend-facts.md', () => {
  const refused: [JsonObject, string][] = [
    [{ store: true }, 'Store must be set to false'],
    [{ store: undefined }, 'Store must be set to false'],
    [{ stream: false }, 'Stream must be set to true'],
    [{ temperature: 1 }, 'Unsupported parameter: temperature'],
    [{ prompt_cache_retention: '24h' }, 'Unsupported parameter: prompt_cache_retention'],
    [{ input: 'hi' }, 'Input must be a list'],
    [{ input: [] }, 'Input must not be empty'],
    [{ instructions: undefined }, 'Instructions are required'],
    [{ model: 'GPT-5.5' }, "The 'GPT-5.5' model is not supported when using Codex with a ChatGPT account."],
    [{ input: [{ role: 'system', content: 'x' }] }, 'System messages are not allowed'],
    [{ input: [{ ...user, name: 'x' }] }, "Unknown parameter: 'input[0].name'."],
    [
      { input: [user, { ...call, id: 'call_1' }, output] },
      "Invalid 'input[1].id': 'call_1'. Expected an ID that begins with 'fc'.",
    ],
    [
      { input: [{ ...user, id: 'msg_abc' }] },
      "Item with id 'msg_abc' not found. Items are not persisted when `store` is set to false. Try again with `store` set to true, or remove this item from your input.",
    ],
    [{ input: [user, call] }, 'No tool output found for function call call_1.'],
    [{ input: [user, output] }, 'No tool call found for function call output with call_id call_1.'],
    [{ input: [user, output, call] }, 'No tool call found for function call output with call_id call_1.'],
    [
      { input: [user, call, { ...output, output: [{ type: 'output_text', text: 'x' }] }] },
      "Invalid value: 'output_text'. Supported values are: 'input_text', 'input_image', 'input_file'.",
    ],
    [{ tools: [{ ...tool, name: undefined }] }, "Missing required parameter: 'tools[0].name'."],
    [
      { tools: [{ ...tool, name: 'a.b' }] },
      "Invalid 'tools[0].name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
    ],
    [
      { tools: [{ ...tool, name: 'x'.repeat(65) }] },
      "Invalid 'tools[0].name': string too long. Expected a string with maximum length 64, but got a string with length 65 instead.",
    ],
    [{ tools: [tool, tool] }, "Duplicate tool name 'f'."],
    [{ tools: [{ type: 'web_search_preview' }] }, 'Unsupported tool type: web_search_preview'],
    [
      { tools: [{ ...tool, strict: true }] },
      "Invalid schema for function 'f': In context=(), 'additionalProperties' is required to be supplied and to be false.",
    ],
    [
      { text: { format: { type: 'json_schema', name: 'x', strict: true, schema: strictWithout('b') } } },
      "Invalid schema for response_format 'x': In context=('properties', 'a'), 'required' is required to be supplied and to be an array including every key in properties. Missing 'b'.",
    ],
    [
      { reasoning: { effort: 'none' } },
      "Unsupported value: 'none' is not supported with the 'gpt-5.5' model. Supported values are: 'low', 'medium', 'high', 'xhigh'.",
    ],
    [
      { model: 'gpt-plain', reasoning: { summary: 'auto' } },
      "Unsupported parameter: 'reasoning.summary' is not supported with this model.",
    ],
    [
      { model: 'gpt-plain', text: { verbosity: 'low' } },
      "Unsupported parameter: 'text.verbosity' is not supported with this model.",
    ],
    [{ service_tier: 'bogus' }, 'Unsupported service_tier: bogus'],
    [
      { tool_choice: { type: 'function', name: 'g' }, tools: [tool] },
      "Tool choice 'g' not found in 'tools' parameter.",
    ],
    [{ input: LITE.input }, "Missing required parameter: 'input[0].content'."],
    [{ model: 'gpt-5.6-sol' }, "The 'gpt-5.6-sol' model requires the Responses Lite request shape."],
  ]
  for (const [changes, message] of refused) {
    test(`${JSON.stringify(changes).slice(0, 90)}`, () => expect(complaint(changes)).toBe(message))
  }

  test('an id that names something stored is 404, all else 400', () => {
    expect(check({ ...CLASSIC, input: [{ type: 'item_reference', id: 'msg_1' }] })?.status).toBe(404)
    expect(check({ ...CLASSIC, store: true })?.status).toBe(400)
  })

  test('the word ultra never reaches the wire', () => {
    expect(check({ ...LITE, reasoning: { effort: 'ultra', context: 'all_turns' } }, LITE_HEADERS)?.status).toBe(400)
  })

  for (const [name, changes] of Object.entries({
    tools: { tools: [tool] },
    instructions: { instructions: 'x' },
    input: { input: [user, ...LITE.input] },
    parallel_tool_calls: { parallel_tool_calls: true },
    'reasoning.context': { reasoning: { effort: 'low' } },
  })) {
    test(`the lite shape with a classic ${name}`, () => {
      expect(check({ ...LITE, ...changes }, LITE_HEADERS)?.body).toMatchObject({ error: { param: name } })
    })
  }
})

function strictWithout(name: string): JsonObject {
  const inner = {
    type: 'object',
    additionalProperties: false,
    required: [],
    properties: { [name]: { type: 'string' } },
  }
  return { type: 'object', additionalProperties: false, required: ['a'], properties: { a: inner } }
}
