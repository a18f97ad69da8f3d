import fc from 'fast-check'
import { expect, test } from 'vitest'
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
  const out: EventBatch[] = []
  for await (const events of restoreToolNames(once(batch), new Map([['a_b', 'a.b']]))) out.push(events)
  expect(out.flat().map((event) => event.fields)).toEqual([
    { type: 'response.output_item.added', item: { ...item, name: 'a.b' } },
    delta.fields,
    { type: 'response.completed', response: { output: [{ ...item, name: 'a.b' }] } },
  ])
  expect(out.flat()[1]).toBe(delta)
})

async function* once(batch: EventBatch): AsyncGenerator<EventBatch> {
  yield batch
}
