import fc from 'fast-check'
import { expect, test } from 'vitest'
import { eventsOf } from './delta-run.ts'
import { type EventBatch, TurnEvent } from './events.ts'
import { mapToolNames, restoreToolNames } from './tool-names.ts'

const tool = (name: string) => ({ type: 'function', name, parameters: {} })

test('T-19: illegal and long names become legal ones, in tools, choice and history alike', () => {
  const long = 'x'.repeat(90)
  const call = { type: 'function_call', call_id: 'c', name: 'mcp.server/tool', arguments: '{}' }
  const mapped = mapToolNames({
    tools: [tool('mcp.server/tool'), tool(long), tool('plain')],
    toolChoice: { type: 'function', name: 'mcp.server/tool' },
    input: [call],
  })
  const names = mapped.tools.map(({ name }) => name)
  expect(names[0]).toBe('mcp_server_tool')
  expect(names[1]).toMatch(/^x{55}_[0-9a-f]{8}$/)
  expect(names[2]).toBe('plain')
  expect(mapped.toolChoice).toEqual({ type: 'function', name: 'mcp_server_tool' })
  expect(mapped.input).toEqual([{ ...call, name: 'mcp_server_tool' }])
  expect(mapped.restore.get('mcp_server_tool')).toBe('mcp.server/tool')
})

test('T-19: different names stay different, and the map gives each its own back', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string({ minLength: 1, maxLength: 100 }), { minLength: 1 }), (names) => {
      const { tools, restore } = mapToolNames({ tools: names.map(tool), toolChoice: undefined, input: [] })
      const wire = tools.map(({ name }) => String(name))
      expect(new Set(wire).size).toBe(names.length)
      for (const name of wire) expect(name).toMatch(/^[A-Za-z0-9_-]{1,64}$/)
      expect(wire.map((name) => restore.get(name) ?? name)).toEqual(names)
    }),
  )
})

test('T-19: the client sees its own name in items and in the final response; other events pass untouched', async () => {
  const item = { type: 'function_call', call_id: 'c', name: 'a_b', arguments: '' }
  const delta = TurnEvent.of({ type: 'response.function_call_arguments.delta', delta: 'a_b' })
  const batch: EventBatch = [
    TurnEvent.of({ type: 'response.output_item.added', item }),
    delta,
    TurnEvent.of({ type: 'response.completed', response: { output: [item] } }),
  ]
  const out: TurnEvent[] = []
  for await (const events of restoreToolNames(once(batch), new Map([['a_b', 'a.b']]))) out.push(...eventsOf(events))
  expect(out.map((event) => event.fields)).toEqual([
    { type: 'response.output_item.added', item: { ...item, name: 'a.b' } },
    delta.fields,
    { type: 'response.completed', response: { output: [{ ...item, name: 'a.b' }] } },
  ])
  expect(out[1]).toBe(delta)
})

test('T-19: names that would meet all get a hash, so that their order does not matter', () => {
  const names = (...list: string[]) =>
    mapToolNames({ tools: list.map(tool), toolChoice: undefined, input: [] }).tools.map(({ name }) => name)
  const [dot, slash] = names('a.b', 'a/b')
  expect(dot).toMatch(/^a_b_[0-9a-f]{8}$/)
  expect(names('a/b', 'a.b')).toEqual([slash, dot])
  expect(names('a_b', 'a.b')).toEqual(['a_b', dot])
})

test('T-19: tools inside namespaces, additional_tools and allowed_tools are mapped too; a namespace keeps its name', () => {
  const space = (name: string) => ({ type: 'namespace', name: 'my.space', tools: [tool(name)] })
  const mapped = mapToolNames({
    tools: [space('a.b')],
    toolChoice: { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'a.b' }] },
    input: [{ type: 'additional_tools', role: 'developer', tools: [space('c.d'), tool('e')] }],
  })
  expect(mapped).toEqual({
    tools: [space('a_b')],
    toolChoice: { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'a_b' }] },
    input: [{ type: 'additional_tools', role: 'developer', tools: [space('c_d'), tool('e')] }],
    restore: new Map([
      ['a_b', 'a.b'],
      ['c_d', 'c.d'],
    ]),
  })
})

test("T-19: the backend's echo of tools and choice, and the name behind finished arguments, are the client's again", async () => {
  const choice = (name: string) => ({ type: 'function', name })
  const created = (name: string) => ({
    type: 'response.created',
    response: { id: 'r', tools: [tool(name)], tool_choice: choice(name), output: [] },
  })
  const done = (name: string) => ({ type: 'response.function_call_arguments.done', name, arguments: '{}' })
  const other = TurnEvent.of(done('other'))
  const out: TurnEvent[] = []
  const batch = [TurnEvent.of(created('a_b')), TurnEvent.of(done('a_b')), other]
  for await (const events of restoreToolNames(once(batch), new Map([['a_b', 'a.b']]))) out.push(...eventsOf(events))
  expect(out.map((event) => event.fields)).toEqual([created('a.b'), done('a.b'), done('other')])
  expect(out[2]).toBe(other)
})

test('with nothing mapped the stream itself is handed on', () => {
  const stream = once([])
  expect(restoreToolNames(stream, new Map())).toBe(stream)
})

async function* once(batch: EventBatch): AsyncGenerator<EventBatch> {
  yield batch
}
