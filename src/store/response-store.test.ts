import { expect, test } from 'vitest'
import { ResponseStore } from './response-store.ts'

const input = [{ type: 'message', role: 'user', content: 'hi' }]
const response = {
  id: 'resp_1',
  output: [
    { type: 'reasoning', id: 'rs_1', summary: [], content: null, encrypted_content: 'gAAA' },
    { type: 'function_call', id: 'fc_1', status: 'completed', call_id: 'call_1', name: 'read', arguments: '{}' },
  ],
}

test('R-07: the history is the old input and the output, without ids and status', () => {
  const store = new ResponseStore()
  store.remember('', response, input, 100)
  expect(store.history('', 'resp_1')).toEqual([
    ...input,
    { type: 'reasoning', summary: [], encrypted_content: 'gAAA' },
    { type: 'function_call', call_id: 'call_1', name: 'read', arguments: '{}' },
  ])
})

test('R-10: an item is found by its id', () => {
  const store = new ResponseStore()
  store.remember('', response, input, 100)
  expect(store.item('', 'fc_1')).toEqual({ type: 'function_call', call_id: 'call_1', name: 'read', arguments: '{}' })
  expect(store.item('', 'fc_2')).toBeUndefined()
})

test('R-16: another gateway key does not find it', () => {
  const store = new ResponseStore()
  store.remember('key-a', response, input, 100)
  expect([store.history('key-b', 'resp_1'), store.item('key-b', 'fc_1')]).toEqual([undefined, undefined])
})
