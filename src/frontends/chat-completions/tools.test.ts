import { expect, test } from 'vitest'
import { GatewayError } from '../../turn/errors.ts'
import { readToolChoice, readTools } from './tools.ts'

const declared = (name: unknown, more: object = {}) => ({ type: 'function', function: { name, ...more } })

function refusal(run: () => unknown) {
  try {
    run()
  } catch (error) {
    if (error instanceof GatewayError) return { status: error.status, code: error.code, param: error.param }
    throw error
  }
  return undefined
}

test('T-10, K-15: functions are flattened; strict is false unless it was true, parameters are never empty', () => {
  const parameters = {
    type: 'object',
    properties: { a: { type: 'string' } },
    required: ['a'],
    additionalProperties: false,
  }
  const { tools } = readTools({
    tools: [
      declared('a', { description: 'reads', parameters }),
      declared('b', { parameters, strict: true }),
      declared('c', { parameters: {}, strict: null }),
      declared('d'),
    ],
  })
  const empty = { type: 'object', properties: {} }
  expect(tools).toEqual([
    { type: 'function', name: 'a', description: 'reads', parameters, strict: false },
    { type: 'function', name: 'b', parameters, strict: true },
    { type: 'function', name: 'c', parameters: empty, strict: false },
    { type: 'function', name: 'd', parameters: empty, strict: false },
  ])
})

test('E-04: 40 tools with unusual schemas keep their order and schemas', () => {
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties: { a: { $ref: '#/$defs/a' }, b: { anyOf: [{ type: 'null' }, { type: 'integer', default: 3 }] } },
    $defs: { a: { type: 'string', pattern: '^x' } },
  }
  const { tools } = readTools({
    tools: Array.from({ length: 40 }, (_, i) => declared(`t${i}`, { parameters: schema })),
  })
  expect(tools.map(({ name }) => name)).toEqual(Array.from({ length: 40 }, (_, i) => `t${i}`))
  expect(tools.every(({ parameters }) => parameters === schema)).toBe(true)
})

test('T-16: custom tools are flattened, their grammar too, and their names remembered', () => {
  const grammar = { syntax: 'lark', definition: 'start: "x"' }
  const { tools, customNames } = readTools({
    tools: [
      { type: 'custom', custom: { name: 'patch', description: 'patches', format: { type: 'grammar', grammar } } },
      { type: 'custom', custom: { name: 'free', format: { type: 'text' } } },
    ],
  })
  expect(tools).toEqual([
    { type: 'custom', name: 'patch', description: 'patches', format: { type: 'grammar', ...grammar } },
    { type: 'custom', name: 'free', format: { type: 'text' } },
  ])
  expect([...customNames]).toEqual(['patch', 'free'])
})

test('hosted tools pass; the preview of web search goes by its present name', () => {
  const { tools } = readTools({
    tools: [{ type: 'web_search_preview_2025_03_11', search_context_size: 'low' }, { type: 'image_generation' }],
  })
  expect(tools).toEqual([{ type: 'web_search', search_context_size: 'low' }, { type: 'image_generation' }])
})

test('T-17: functions count as tools, asked in the old form', () => {
  const { tools, isLegacy } = readTools({ functions: [{ name: 'f', parameters: {} }], tools: [] })
  expect(tools).toEqual([
    { type: 'function', name: 'f', parameters: { type: 'object', properties: {} }, strict: false },
  ])
  expect(isLegacy).toBe(true)
  expect(readTools({ tools: [declared('f')], function_call: 'auto' }).isLegacy).toBe(false)
})

test('T-20: a tool without name or type, or with a name used before, is refused with its place', () => {
  const cases: [object, string][] = [
    [{ tools: [declared('a'), declared('a')] }, 'tools[1]'],
    [{ tools: [declared('a'), { type: 'custom', custom: { name: 'a' } }] }, 'tools[1]'],
    [{ tools: [declared(undefined)] }, 'tools[0]'],
    [{ tools: [declared(5)] }, 'tools[0]'],
    [{ tools: [{ function: { name: 'a' } }] }, 'tools[0]'],
    [{ tools: ['a'] }, 'tools[0]'],
    [{ tools: {} }, 'tools'],
    [{ functions: [{ name: 'a' }, { name: 'a' }] }, 'functions[1]'],
    [{ functions: [{ name: 'a' }], tools: [declared('b')] }, 'functions'],
  ]
  for (const [fields, param] of cases) {
    expect(refusal(() => readTools({ ...fields }))).toEqual({ status: 400, code: null, param })
  }
})

test('T-09: an open object in a strict schema is refused with its path', () => {
  const open = { type: 'object', properties: { a: { type: 'object', properties: {} } }, required: ['a'] }
  const schema = { ...open, additionalProperties: false }
  expect(refusal(() => readTools({ tools: [declared('f', { parameters: schema, strict: true })] }))).toEqual({
    status: 400,
    code: 'invalid_function_parameters',
    param: 'tools[0].function.parameters.properties.a',
  })
  expect(refusal(() => readTools({ tools: [declared('f', { parameters: schema })] }))).toBeUndefined()
})

test('tool_choice keeps its meaning in every form', () => {
  const named = { type: 'function', function: { name: 'f' } }
  const cases: [unknown, unknown][] = [
    ['none', 'none'],
    ['required', 'required'],
    [null, undefined],
    [named, { type: 'function', name: 'f' }],
    [
      { type: 'custom', custom: { name: 'c' } },
      { type: 'custom', name: 'c' },
    ],
    [{ type: 'web_search_preview' }, { type: 'web_search' }],
    [
      { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [named] } },
      { type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'f' }] },
    ],
  ]
  for (const [choice, flat] of cases) expect(readToolChoice({ tool_choice: choice })).toEqual(flat)
  expect(readToolChoice({ function_call: { name: 'f' } })).toEqual({ type: 'function', name: 'f' })
  expect(readToolChoice({ function_call: 'auto' })).toBe('auto')
})

test('a tool_choice that names nothing is refused', () => {
  const refused = { status: 400, code: null, param: 'tool_choice' }
  expect(refusal(() => readToolChoice({ tool_choice: 'always' }))).toEqual(refused)
  expect(refusal(() => readToolChoice({ tool_choice: { type: 'function' } }))).toEqual(refused)
  expect(refusal(() => readToolChoice({ function_call: {} }))).toEqual({ ...refused, param: 'function_call' })
})
