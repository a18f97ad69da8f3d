import { describe, expect, test } from 'vitest'
import { messagesTurn } from '../../../test/support/messages-events.ts'
import type { GatewayError } from '../../turn/errors.ts'

const text = (words: string) => ({ type: 'input_text', text: words })
const user = (...content: object[]) => ({ type: 'message', role: 'user', content })
const said = (words: string) => ({
  type: 'message',
  role: 'assistant',
  content: [{ type: 'output_text', text: words }],
})
const system = (...words: string[]) => ({ type: 'message', role: 'system', content: words.map(text) })
const call = (id: string, args = '{}') => ({ type: 'function_call', call_id: id, name: 'read', arguments: args })
const output = (id: string, result: unknown) => ({ type: 'function_call_output', call_id: id, output: result })

const uses = (...ids: string[]) => ({
  role: 'assistant',
  content: ids.map((id) => ({ type: 'tool_use', id, name: 'read', input: {} })),
})
const result = (id: string, fields: object = {}) => ({ type: 'tool_result', tool_use_id: id, ...fields })
const asks = (...content: object[]) => ({ role: 'user', content })

const PNG = { type: 'base64', media_type: 'image/png', data: 'iVBORw==' }
const PNG_PART = { type: 'input_image', image_url: 'data:image/png;base64,iVBORw==' }
const PDF = { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' }

function inputOf(messages: readonly object[], fields: object = {}) {
  return messagesTurn({ messages, ...fields }).body.input
}

function faultOf(messages: readonly object[], fields: object = {}) {
  try {
    inputOf(messages, fields)
  } catch (thrown) {
    const { status, code, param } = thrown as GatewayError
    return [status, code, param]
  }
  return 'none'
}

describe('system', () => {
  test('a string and text blocks go ahead, one part each; empty ones are left out', () => {
    expect(inputOf([asks({ type: 'text', text: 'Hi' })], { system: 'Be brief.' })).toEqual([
      system('Be brief.'),
      user(text('Hi')),
    ])
    const blocks = ['one', '', 'two'].map((words) => ({
      type: 'text',
      text: words,
      cache_control: { type: 'ephemeral' },
    }))
    expect(inputOf([{ role: 'user', content: 'Hi' }], { system: blocks })[0]).toEqual(system('one', 'two'))
    expect(inputOf([{ role: 'user', content: 'Hi' }], { system: '' })).toEqual([user(text('Hi'))])
  })

  test('system roles among the messages stay in their place, as string or blocks alike', () => {
    const messages = (content: unknown) => [
      { role: 'user', content: 'Hi' },
      { role: 'system', content },
    ]
    const expected = [user(text('Hi')), system('Now')]
    expect(inputOf(messages('Now'))).toEqual(expected)
    expect(inputOf(messages([{ type: 'text', text: 'Now' }]))).toEqual(expected)
  })

  test('their effort holds from there on, their text only as long as they say', () => {
    const note = { role: 'system', content: 'Now', clear_at: 'next_user_message', output_config: { effort: 'low' } }
    const later = [{ role: 'user', content: 'Hi' }, note, { role: 'assistant', content: 'Yes' }, asks(text('More'))]
    const turn = messagesTurn({ messages: later.slice(0, 2), output_config: { effort: 'high' } })
    expect([turn.body.reasoning?.effort, turn.body.input]).toEqual(['low', [user(text('Hi')), system('Now')]])
    const next = [...later.slice(0, 3), { role: 'user', content: 'More' }]
    expect(inputOf(next)).toEqual([user(text('Hi')), said('Yes'), user(text('More'))])
    expect(messagesTurn({ messages: next }).body.reasoning?.effort).toBe('low')
  })
})

describe('user content', () => {
  test('images: bytes as a data URL, elsewhere noted for the image step, files refused', () => {
    const url = 'https://pictures.example/a.png'
    const turn = messagesTurn({
      messages: [asks({ type: 'image', source: PNG }, { type: 'image', source: { type: 'url', url } })],
    })
    const remote = { type: 'input_image', image_url: url }
    expect(turn.body.input).toEqual([user(PNG_PART, remote)])
    expect(turn.remoteImages).toEqual([{ path: 'messages[0].content[1].source.url', part: remote }])
    const file = { type: 'image', source: { type: 'file', file_id: 'file_1' } }
    expect(faultOf([asks(file)])).toEqual([400, 'unsupported_parameter', 'messages[0].content[0].source'])
  })

  test('documents in every form, their title and context as text ahead', () => {
    const document = (source: object, fields: object = {}) => ({ type: 'document', source, ...fields })
    const input = inputOf([
      asks(
        document(PDF, { title: 'report.pdf', context: 'From May.' }),
        document(PDF),
        document({ type: 'text', media_type: 'text/plain', data: 'Plain.' }),
        document({
          type: 'content',
          content: [
            { type: 'text', text: 'Part.' },
            { type: 'image', source: PNG },
          ],
        }),
        document({ type: 'url', url: 'https://papers.example/a.pdf' }),
        {
          type: 'search_result',
          title: 'Found',
          source: 'https://a.example',
          content: [{ type: 'text', text: 'It.' }],
        },
      ),
    ])
    const data = 'data:application/pdf;base64,JVBERi0='
    expect(input).toEqual([
      user(
        text('report.pdf\nFrom May.'),
        { type: 'input_file', filename: 'report.pdf', file_data: data },
        { type: 'input_file', filename: 'document.pdf', file_data: data },
        text('Plain.'),
        text('Part.'),
        PNG_PART,
        { type: 'input_file', file_url: 'https://papers.example/a.pdf' },
        text('Found\nhttps://a.example\nIt.'),
      ),
    ])
  })

  test('citations and unknown message keys are reported once', () => {
    const source = { type: 'text', media_type: 'text/plain', data: 'x' }
    const document = { type: 'document', source, citations: { enabled: true } }
    const { dropped } = messagesTurn({ messages: [{ ...asks(document, document), id: 'm', name: null }] })
    expect(dropped).toEqual(['messages.id', 'messages.content.citations'])
  })
})

describe('calls and results', () => {
  test('order is kept, text around results stays around them', () => {
    const messages = [
      { role: 'user', content: 'Go' },
      { role: 'assistant', content: [{ type: 'text', text: 'I look.' }, ...uses('a', 'b').content] },
      asks(result('a', { content: 'one' }), result('b', { content: [] }), { type: 'text', text: 'And?' }),
    ]
    expect(inputOf(messages)).toEqual([
      user(text('Go')),
      said('I look.'),
      call('a'),
      call('b'),
      output('a', 'one'),
      output('b', ''),
      user(text('And?')),
    ])
  })

  test('a result may hold parts, and say that the call failed', () => {
    const parts = [
      { type: 'text', text: 'See' },
      { type: 'image', source: PNG },
    ]
    const failed = 'The tool call failed (is_error):'
    const results = [
      result('a', { content: parts }),
      result('b', { content: 'No such file', is_error: true }),
      result('c', { content: parts, is_error: true }),
      result('d', { is_error: true }),
      result('e', { content: 'fine', is_error: false }),
    ]
    expect(
      inputOf([{ role: 'user', content: 'Go' }, uses('a', 'b', 'c', 'd', 'e'), asks(...results)]).slice(6),
    ).toEqual([
      output('a', [text('See'), PNG_PART]),
      output('b', `${failed}\nNo such file`),
      output('c', [text(failed), text('See'), PNG_PART]),
      output('d', failed),
      output('e', 'fine'),
    ])
  })

  test('a result of an unknown call is kept as a note, and its images are not fetched', () => {
    const source = { type: 'url', url: 'https://pictures.example/a.png' }
    const content = [
      { type: 'text', text: 'old' },
      { type: 'image', source },
    ]
    const turn = messagesTurn({ messages: [asks(result('gone', { content }))] })
    const note = text('Result of an earlier tool call (id gone):\nold')
    expect(turn.body.input).toEqual([{ type: 'message', role: 'developer', content: [note] }])
    expect(turn.remoteImages).toEqual([])
  })

  test('sealed thinking of ours becomes reasoning in its place; what others sealed or searched is left out', () => {
    const content = [
      { type: 'thinking', thinking: 'Hm', signature: 'codexway.1:gAAA' },
      { type: 'thinking', thinking: '', signature: 'codexway.1:gBBB' },
      { type: 'thinking', thinking: 'Hm', signature: 'EqQBCkYIB' },
      { type: 'redacted_thinking', data: 'x' },
      { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'q' } },
      { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [] },
      { type: 'text', text: 'Yes' },
      { type: 'text', text: 'No' },
    ]
    expect(
      inputOf([
        { role: 'assistant', content },
        { role: 'user', content: 'So?' },
      ]),
    ).toEqual([
      { type: 'reasoning', summary: [{ type: 'summary_text', text: 'Hm' }], encrypted_content: 'gAAA' },
      { type: 'reasoning', summary: [], encrypted_content: 'gBBB' },
      said('Yes'),
      said('No'),
      user(text('So?')),
    ])
  })
})

const GO = { role: 'user', content: 'Go' }
test.each<[name: string, messages: readonly object[], fields: object, param: string, code: string | null]>([
  ['no messages', [], {}, 'messages', null],
  ['an unknown role', [{ role: 'tool', content: 'x' }], {}, 'messages[0].role', null],
  ['an unknown block', [asks({ type: 'video' })], {}, 'messages[0].content[0].type', null],
  ['a block that is none', [{ role: 'user', content: ['x'] }], {}, 'messages[0].content[0]', null],
  ['content of another kind', [{ role: 'user', content: 5 }], {}, 'messages[0].content', null],
  ['text that is none', [asks({ type: 'text' })], {}, 'messages[0].content[0].text', null],
  [
    'an image without bytes',
    [asks({ type: 'image', source: { ...PNG, data: '' } })],
    {},
    'messages[0].content[0].source.data',
    null,
  ],
  ['a call without id', [GO, uses('')], {}, 'messages[1].content[0].id', null],
  [
    'a call without name',
    [GO, { role: 'assistant', content: [{ type: 'tool_use', id: 'a' }] }],
    {},
    'messages[1].content[0].name',
    null,
  ],
  ['a result without its call', [asks({ type: 'tool_result' })], {}, 'messages[0].content[0].tool_use_id', null],
  ['a call without result', [GO, uses('a'), GO], {}, 'messages[1].content[0]', 'missing_tool_output'],
  ['a started answer', [GO, { role: 'assistant', content: '{' }], {}, 'messages[1]', 'unsupported_parameter'],
  [
    'a started answer before a note',
    [GO, { role: 'assistant', content: '{' }, { role: 'system', content: 'x' }],
    {},
    'messages[1]',
    'unsupported_parameter',
  ],
  [
    'a server tool of others',
    [{ role: 'assistant', content: [{ type: 'server_tool_use', name: 'code_execution' }] }, GO],
    {},
    'messages[0].content[0].name',
    null,
  ],
  ['an image as system text', [GO], { system: [{ type: 'image', source: PNG }] }, 'system[0].type', null],
])('%s: 400 with the path', (_name, messages, fields, param, code) => {
  expect(faultOf(messages, fields)).toEqual([400, code, param])
})
