import { expect, test } from 'vitest'
import { turnOf } from '../simulator/default-answer.ts'
import { ev, item, numbered, type RawEvent } from '../simulator/events.ts'
import { AnswerStream } from './answer-stream.ts'
import { TurnEvent } from './events.ts'
import { inputText, isCall } from './output-items.ts'
import { decodeLiteral } from './sent-text.ts'

/** What a protocol would show, one word for each thing written. */
function shown(events: readonly RawEvent[]): string[] {
  const written: string[] = []
  const stream = new AnswerStream({
    write: (kind, literals) => {
      for (const literal of literals) written.push(`${kind} ${decodeLiteral(literal)}`)
      return ''
    },
    item: (whole) => {
      if (isCall(whole)) written.push(`call ${whole.name} ${inputText(whole)}`)
      return ''
    },
    end: ({ response, hasRefusal }) => {
      written.push(`end ${response.status} ${hasRefusal}`)
      return ''
    },
  })
  stream.push(numbered(events).map((event) => TurnEvent.of(event)))
  return written
}

/** The same with neighbouring pieces of one text joined. */
function joined(events: readonly RawEvent[]): string[] {
  const whole: string[] = []
  for (const word of shown(events)) {
    const last = whole.at(-1) ?? ''
    const kind = /^(text|thinking) /.exec(word)?.[0]
    if (kind !== undefined && last.startsWith(kind)) whole[whole.length - 1] = last + word.slice(kind.length)
    else whole.push(word)
  }
  return whole
}

const ITEMS = [
  item.reasoning(['First', 'Second'], { id: 'rs_1' }),
  item.message('Some text', { id: 'msg_2' }),
  item.functionCall('look', '{"a":"b"}', { id: 'fc_3', call_id: 'call_3' }),
  item.customCall('raw', 'x', { id: 'ctc_4', call_id: 'call_4' }),
]
const ANSWER = turnOf(ITEMS)
const WHOLE = [
  'thinking First\n\nSecond',
  'text Some text',
  'call look {"a":"b"}',
  'call raw {"input":"x"}',
  'end completed false',
]

/** The answer without some of its events; the final response holds all of it. */
function without(type: RegExp): RawEvent[] {
  return [...ANSWER.filter((event) => !type.test(event.type)).slice(0, -1), ev.completed('resp_1', { output: ITEMS })]
}

test('texts come as they are written, calls once they are whole', () => {
  expect(joined(ANSWER)).toEqual(WHOLE)
  expect(shown(ANSWER).filter((word) => word.startsWith('text')).length).toBeGreaterThan(0)
})

test.each([
  ['deltas', /delta$/],
  ['ends of texts', /(text|arguments|input|part)\.done$/],
  ['ends of items', /output_item\.done$/],
  ['all but the final response', /^response\.(output_item|content|output_text|reasoning|function|custom)/],
])('nothing is lost or doubled without %s', (_, type) => {
  expect(joined(without(type))).toEqual(WHOLE)
})

test('a call whose end never comes is what came of it; nothing follows the end', () => {
  const call = item.functionCall('look', '', { id: 'fc_1', call_id: 'call_1', status: 'in_progress' })
  const events = [
    ev.created(),
    ev.added(call),
    ev.toolArgs('{"a"', { itemId: 'fc_1' }),
    ev.completed(),
    ev.text('late'),
  ]
  expect(shown(events)).toEqual(['call look {"a"', 'end completed false'])
})

test('a refusal is text, and told at the end', () => {
  expect(joined(turnOf([item.refusal('I will not.')]))).toEqual(['text I will not.', 'end completed true'])
})

test('without beginnings the order is that in which something came of the items', () => {
  const end = WHOLE.at(-1)
  expect(joined(without(/added$/)).toSorted()).toEqual(WHOLE.toSorted())
  expect(joined(without(/added$/)).at(-1)).toBe(end)
})
