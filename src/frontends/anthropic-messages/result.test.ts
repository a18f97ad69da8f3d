import type { Response } from 'openai/resources/responses/responses'
import { expect, test } from 'vitest'
import { capabilitiesOf, messagesTurn } from '../../../test/support/messages-events.ts'
import type { JsonObject } from '../../lib/json.ts'
import { item, responseObject, SAMPLE_USAGE } from '../../simulator/events.ts'
import { toMessage } from './result.ts'

function whole(output: readonly JsonObject[], fields: JsonObject = {}) {
  const response = responseObject('resp_7', 'completed', { usage: SAMPLE_USAGE, output, ...fields })
  return toMessage(response as unknown as Response, messagesTurn(), capabilitiesOf({}))
}

test('a message has every member of the official type', () => {
  const usage = { input_tokens: 12, output_tokens: 3 }
  expect(whole([item.message('Hi')], { usage, service_tier: 'priority' })).toEqual({
    id: 'msg_7',
    type: 'message',
    role: 'assistant',
    model: 'My-Model',
    content: [{ type: 'text', text: 'Hi', citations: null }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    stop_details: null,
    container: null,
    diagnostics: null,
    usage: {
      input_tokens: 12,
      cache_creation_input_tokens: null,
      cache_read_input_tokens: null,
      cache_creation: null,
      output_tokens: 3,
      output_tokens_details: null,
      server_tool_use: null,
      service_tier: 'priority',
      inference_geo: null,
      speed: null,
    },
  })
})

test.each<[fields: JsonObject, stop: object]>([
  [{ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } }, { stop_reason: 'max_tokens' }],
  [{ status: 'incomplete', incomplete_details: { reason: 'content_filter' } }, { stop_reason: 'refusal' }],
  [{ status: 'incomplete', incomplete_details: null }, { stop_reason: 'max_tokens' }],
  [{ stop_sequence: 'END' }, { stop_reason: 'stop_sequence', stop_sequence: 'END' }],
])('%j ends with %j', (fields, stop) => {
  expect(whole([item.message('Hi')], fields)).toMatchObject(stop)
})

test('an input that is no object is handed on, not lost', () => {
  const content = ['', '{"a":1}', '{"a":', '[1]'].map((args) => whole([item.functionCall('read', args)]).content)
  expect(content.flat().map((block) => (block as JsonObject).input)).toEqual([
    {},
    { a: 1 },
    { INVALID_JSON: '{"a":' },
    { INVALID_JSON: '[1]' },
  ])
})
