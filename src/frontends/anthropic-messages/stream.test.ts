import fc from 'fast-check'
import type { Response } from 'openai/resources/responses/responses'
import { describe, expect, test } from 'vitest'
import {
  type Asked,
  capabilitiesOf,
  contentOf,
  messagesEncoder,
  messagesEvents,
  messagesTurn,
} from '../../../test/support/messages-events.ts'
import { toText } from '../../lib/byte-string.ts'
import type { JsonObject } from '../../lib/json.ts'
import { turnOf } from '../../simulator/default-answer.ts'
import { ev, item, part, type RawEvent } from '../../simulator/events.ts'
import { GatewayError } from '../../turn/errors.ts'
import { TurnEvent } from '../../turn/events.ts'
import { toMessage } from './result.ts'

const THINKING: Asked = { fields: { thinking: { type: 'adaptive' } } }
const OMITTED: Asked = { fields: { thinking: { type: 'adaptive', display: 'omitted' } } }
const at = (outputIndex: number, itemId: string, partIndex = 0) => ({ outputIndex, itemId, partIndex })
const open = (id = 'msg_1', index = 0) => ev.added(item.message('', { id, content: [], status: 'in_progress' }), index)
const SEALED = item.reasoning(['One', 'Two'], { encrypted_content: 'gAAA' })
const SIGNATURE = 'codexway.1:gAAA'

function content(events: readonly RawEvent[], asked: Asked = {}) {
  return contentOf(messagesEvents([ev.created(), ...events, ev.completed()], asked))
}

describe('frames', () => {
  test('a text answer, event by event', () => {
    const events = [
      ev.created(),
      open(),
      ev.text('Hel'),
      ev.text('lo ☀'),
      ev.done(item.message('Hello ☀')),
      ev.completed(),
    ]
    expect(messagesEvents([ev.rateLimits(), ...events])).toEqual([
      {
        type: 'message_start',
        message: {
          id: 'msg_1',
          type: 'message',
          role: 'assistant',
          model: 'My-Model',
          content: [],
          stop_reason: null,
          stop_sequence: null,
          stop_details: null,
          container: null,
          diagnostics: null,
          usage: {
            input_tokens: 0,
            cache_creation_input_tokens: null,
            cache_read_input_tokens: null,
            cache_creation: null,
            output_tokens: 0,
            output_tokens_details: null,
            server_tool_use: null,
            service_tier: null,
            inference_geo: null,
            speed: null,
          },
        },
      },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '', citations: null } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hel' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'lo ☀' } },
      { type: 'content_block_stop', index: 0 },
      {
        type: 'message_delta',
        delta: { stop_reason: 'end_turn', stop_sequence: null, stop_details: null, container: null },
        usage: expect.objectContaining({ output_tokens: expect.any(Number) }),
      },
      { type: 'message_stop' },
    ])
  })

  test('a failure is an error event without message_stop; silence is broken by pings', () => {
    const encoder = messagesEncoder()
    expect(toText(encoder.fail(new GatewayError('upstream_timeout', 'Too slow')))).toBe(
      'event: error\ndata: {"type":"error","error":{"type":"timeout_error","message":"Too slow","details":{"error_code":"upstream_timeout"}},"request_id":null}\n\n',
    )
    expect(toText(encoder.keepalive())).toBe('event: ping\ndata: {"type":"ping"}\n\n')
  })

  test('nothing is written before a response or output, and nothing after the end', () => {
    expect(messagesEvents([ev.rateLimits(), { type: 'response.metadata' }])).toEqual([])
    const types = messagesEvents([ev.created(), ev.completed(), ev.text('late')]).map(({ type }) => type)
    expect(types).toEqual(['message_start', 'message_delta', 'message_stop'])
  })

  test('usage: cached and written tokens are told beside the input, not within', () => {
    const usage = {
      input_tokens: 100,
      input_tokens_details: { cached_tokens: 60, cache_write_tokens: 30 },
      output_tokens: 20,
      output_tokens_details: { reasoning_tokens: 5 },
      total_tokens: 120,
    }
    const [, delta] = messagesEvents([ev.created(), ev.completed('resp_1', { usage })])
    expect(delta).toMatchObject({
      usage: {
        input_tokens: 10,
        cache_read_input_tokens: 60,
        cache_creation_input_tokens: 30,
        output_tokens: 20,
        output_tokens_details: { thinking_tokens: 5 },
      },
    })
  })
})

describe('blocks', () => {
  test('text that no delta brought comes from the ends, once', () => {
    const text = [{ type: 'text', text: 'Hello', citations: null }]
    expect(content([ev.done(item.message('Hello'))])).toEqual(text)
    expect(content([open(), ev.text('He'), ev.textDone('Hello'), ev.done(item.message('Hello'))])).toEqual(text)
    expect(contentOf(messagesEvents([ev.created(), ev.completed('r', { output: [item.message('Hello')] })]))).toEqual(
      text,
    )
    const repeated = ev.completed('r', { output: [item.message('Hello')] })
    expect(contentOf(messagesEvents([ev.created(), open(), ev.text('Hel'), repeated]))).toEqual(text)
    expect(contentOf(messagesEvents([ev.created(), ev.text('Hel'), ev.text('lo'), ev.completed()]))).toEqual(text)
  })

  test('calls keep U’s id, name and argument bytes; deltas are handed on one by one', () => {
    const events = [
      ev.toolCall('Bash', 'call_9'),
      ev.toolArgs('{"a":'),
      ev.toolArgs('"b"}'),
      ev.toolDone('Bash', '{"a":"b"}', 'call_9'),
    ]
    const all = messagesEvents([ev.created(), ...events, ev.completed()])
    expect(all.slice(1, -2)).toEqual([
      {
        type: 'content_block_start',
        index: 0,
        content_block: { type: 'tool_use', id: 'call_9', name: 'Bash', input: {}, caller: { type: 'direct' } },
      },
      { type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json: '{"a":' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json: '"b"}' } },
      { type: 'content_block_stop', index: 0 },
    ])
    expect(all.at(-2)).toMatchObject({ delta: { stop_reason: 'tool_use' } })
  })

  test('a custom call becomes one with a single input', () => {
    const events = [ev.customCall('apply_patch'), ev.customInput('*** "x"'), ev.customDone('apply_patch', '*** "x"')]
    expect(content(events)).toMatchObject([{ type: 'tool_use', name: 'apply_patch', input: { input: '*** "x"' } }])
    expect(content(events.slice(0, 2))).toMatchObject([{ type: 'tool_use', input: { input: '*** "x"' } }])
  })

  test('interleaved items come one after the other, none of their deltas lost', () => {
    const events = [
      ev.toolCall('a', 'call_a', at(0, 'fc_a')),
      ev.toolCall('b', 'call_b', at(1, 'fc_b')),
      ev.toolArgs('{"x":', at(0, 'fc_a')),
      ev.toolArgs('{"y":2}', at(1, 'fc_b')),
      open('msg_2', 2),
      ev.text('Done', at(2, 'msg_2')),
      ev.toolArgs('1}', at(0, 'fc_a')),
      ev.toolDone('b', '{"y":2}', 'call_b', at(1, 'fc_b')),
      ev.toolDone('a', '{"x":1}', 'call_a', at(0, 'fc_a')),
      ev.text(' it.', at(2, 'msg_2')),
      ev.done(item.message('Done it.', { id: 'msg_2' }), 2),
    ]
    expect(content(events)).toMatchObject([
      { id: 'call_a', input: { x: 1 } },
      { id: 'call_b', input: { y: 2 } },
      { text: 'Done it.' },
    ])
  })

  test('what waits for its turn goes out as soon as it has come, not at the end', () => {
    const begun = [
      ev.created(),
      ev.toolCall('a', 'call_a', at(0, 'fc_a')),
      open('msg_2', 1),
      ev.text('Do', at(1, 'msg_2')),
    ]
    const next = [ev.toolDone('a', '{}', 'call_a', at(0, 'fc_a')), ev.text('ne', at(1, 'msg_2'))]
    const all = messagesEvents([...begun, ...next]).slice(2)
    expect(all.map((event) => ('delta' in event ? event.delta : event.type))).toEqual([
      { type: 'input_json_delta', partial_json: '{}' },
      'content_block_stop',
      'content_block_start',
      { type: 'text_delta', text: 'Do' },
      { type: 'text_delta', text: 'ne' },
    ])
  })

  test('a refusal is text with its own stop reason', () => {
    const refused = [ev.created(), open(), ev.refusal('No.'), ev.done(item.refusal('No.')), ev.completed()]
    const events = messagesEvents(refused)
    expect(contentOf(events)).toEqual([{ type: 'text', text: 'No.', citations: null }])
    expect(events.at(-2)).toMatchObject({
      delta: { stop_reason: 'refusal', stop_details: { type: 'refusal', category: null, explanation: null } },
    })
  })

  test('a hosted search is shown with its pages, citations stand in the text', () => {
    const action = { type: 'search', query: 'weather', sources: [{ type: 'url', url: 'https://a.example' }] }
    const citation = { type: 'url_citation', url: 'https://a.example', title: 'A', start_index: 0, end_index: 1 }
    const events = [
      ev.added({ ...item.webSearch(''), status: 'in_progress' }),
      ev.webSearch('searching'),
      ev.done(item.webSearch('weather', { action })),
      ev.done(item.message('', { content: [part.text('Sunny.', [citation])] }), 1),
    ]
    const all = messagesEvents([ev.created(), ...events, ev.completed()])
    const caller = { type: 'direct' }
    expect(contentOf(all)).toEqual([
      { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'weather' }, caller },
      {
        type: 'web_search_tool_result',
        tool_use_id: 'srvtoolu_1',
        caller,
        content: [
          {
            type: 'web_search_result',
            url: 'https://a.example',
            title: 'https://a.example',
            page_age: null,
            encrypted_content: '',
          },
        ],
      },
      {
        type: 'text',
        text: 'Sunny.',
        citations: [
          {
            type: 'web_search_result_location',
            url: 'https://a.example',
            title: 'A',
            cited_text: '',
            encrypted_index: '',
          },
        ],
      },
    ])
    expect(all.at(-2)).toMatchObject({ usage: { server_tool_use: { web_search_requests: 1, web_fetch_requests: 0 } } })
  })
})

describe('thinking', () => {
  const thought = [
    ev.added(item.reasoning([], { status: 'in_progress' })),
    ev.summary('One', at(0, 'rs_1', 0)),
    ev.summary('Two', at(0, 'rs_1', 1)),
    ev.done(SEALED),
  ]

  test('parts are joined by a blank line, the signature comes last', () => {
    expect(content(thought, THINKING)).toEqual([{ type: 'thinking', thinking: 'One\n\nTwo', signature: SIGNATURE }])
    expect(content([ev.done(SEALED)], THINKING)).toEqual(content(thought, THINKING))
  })

  test('omitted: the signature alone; without sealed reasoning nothing', () => {
    expect(content(thought, OMITTED)).toEqual([{ type: 'thinking', thinking: '', signature: SIGNATURE }])
    expect(content([ev.done(item.reasoning(['One']))], OMITTED)).toEqual([])
    expect(content([ev.done(item.reasoning([]))], THINKING)).toEqual([])
  })

  test('not asked for, disabled, or switched off by the profile: no block', () => {
    expect(content(thought)).toEqual([])
    expect(content(thought, { fields: { thinking: { type: 'disabled' } } })).toEqual([])
    expect(content(thought, { ...THINKING, layer: { reasoning_output: 'none' } })).toEqual([])
  })
})

test('whatever comes, and in whatever pieces, the stream amounts to the whole message', () => {
  const text = fc.string({ unit: fc.constantFrom('a', '"', '\\', 'é', '☀', '😀', '\n') })
  const anyItem = fc.oneof(
    text.map((words) => item.message(words)),
    text.map((words) => item.refusal(words)),
    text.map((words) => item.reasoning([words], { encrypted_content: 'gAAA' })),
    text.map((words) => item.functionCall('read', JSON.stringify({ words }))),
    text.map((words) => item.customCall('patch', words)),
    text.map((words) => item.webSearch(words)),
  )
  const numberedItems = fc
    .array(anyItem, { maxLength: 6 })
    .map((items) => items.map((each, index): JsonObject => ({ ...each, id: `i_${index}`, ...callId(each, index) })))
  fc.assert(
    fc.property(numberedItems, fc.constantFrom(THINKING, OMITTED, {}), (items, asked) => {
      const events = messagesEvents(
        turnOf(items).filter((step): step is RawEvent => 'type' in step),
        asked,
      )
      const whole = toMessage(
        { id: 'resp_1', output: items } as unknown as Response,
        messagesTurn(asked.fields),
        capabilitiesOf(asked),
      )
      expect(contentOf(events)).toEqual(whole.content)
      expect(events.at(-2)).toMatchObject({ delta: { stop_reason: whole.stop_reason } })
    }),
  )
})

test('each event alone gives the same bytes as all at once', () => {
  const events = turnOf([SEALED, item.message('Köln “☀”'), item.functionCall('read', '{"a":1}')])
  const all = events.filter((step): step is RawEvent => 'type' in step).map((event) => TurnEvent.of(event))
  const one = messagesEncoder(THINKING)
  expect(all.map((event) => one.push([event])).join('')).toBe(messagesEncoder(THINKING).push(all))
})

function callId({ type }: JsonObject, index: number): JsonObject {
  return String(type).endsWith('tool_call') || type === 'function_call' ? { call_id: `call_${index}` } : {}
}
