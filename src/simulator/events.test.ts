import { expect, test } from 'vitest'
import { ev, item, numbered, SAMPLE_USAGE } from './events.ts'

test('an event carries its place in the documented keys', () => {
  expect(ev.text('Hi', { itemId: 'msg_9', outputIndex: 2 })).toEqual({
    type: 'response.output_text.delta',
    item_id: 'msg_9',
    output_index: 2,
    content_index: 0,
    delta: 'Hi',
    logprobs: [],
  })
  expect(ev.toolCall('f')).toEqual(
    ev.added({ id: 'fc_1', type: 'function_call', status: 'in_progress', call_id: 'call_1', name: 'f', arguments: '' }),
  )
})

test('the final event holds usage unless told otherwise', () => {
  expect(ev.completed('resp_2').response).toMatchObject({ id: 'resp_2', status: 'completed', usage: SAMPLE_USAGE })
  expect(ev.completed('resp_2', { usage: null, output: [item.message('x')] }).response).toMatchObject({
    usage: null,
    output: [item.message('x')],
  })
})

test('numbering puts sequence_number second and keeps one that is there', () => {
  expect(JSON.stringify(numbered([ev.error({ code: 'x' })], 4))).toBe(
    '[{"type":"error","sequence_number":4,"code":"x"}]',
  )
  expect(numbered([ev.error({ sequence_number: 9 })])).toEqual([{ type: 'error', sequence_number: 9 }])
})
