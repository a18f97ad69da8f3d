import type { Completion } from 'openai/resources/completions'
import { expect, test } from 'vitest'
import { toText } from '../../lib/byte-string.ts'
import { turnOf } from '../../simulator/default-answer.ts'
import { ev, item, numbered, part, type RawEvent, SAMPLE_USAGE } from '../../simulator/events.ts'
import { GatewayError } from '../../turn/errors.ts'
import { TurnEvent } from '../../turn/events.ts'
import { parseCompletionRequest } from './request.ts'
import { CompletionEncoder } from './stream.ts'

const NOW_SECONDS = 1_800_000_000

function encoder(fields: object = {}): CompletionEncoder {
  const body = { model: 'My-Model', stream: true, prompt: 'Hello', ...fields }
  return new CompletionEncoder(parseCompletionRequest(body, { headers: {}, keyId: '' }), NOW_SECONDS)
}

function dataOf(events: readonly RawEvent[], fields: object = {}): string[] {
  const bytes = encoder(fields).push(numbered(events).map((event) => TurnEvent.of(event)))
  return toText(bytes)
    .split('\n\n')
    .slice(0, -1)
    .map((frame) => frame.replace(/^data: /, ''))
}

/** Texts with their index; in place of an end's text its reason; usage; `[DONE]`. */
function shown(events: readonly RawEvent[], fields: object = {}): unknown[] {
  return dataOf(events, fields).map((text) => {
    if (text === '[DONE]') return text
    // What the encoder writes is held to the type by the tests.
    const { choices, usage }: Completion = JSON.parse(text)
    const [choice] = choices
    return choice === undefined ? usage : [choice.index, choice.finish_reason ?? choice.text]
  })
}

test('an answer is text chunks, an end and [DONE], all with one head', () => {
  const events = [
    ev.created(),
    ev.text('Hé'),
    ev.text('llo "you"\n'),
    ...turnOf([item.message('Héllo "you"\n')]).slice(-2),
  ]
  const chunk = (text: string, finish_reason: string | null = null) => ({
    id: 'cmpl-1',
    object: 'text_completion',
    created: 1_795_384_000,
    model: 'My-Model',
    choices: [{ text, index: 0, logprobs: null, finish_reason }],
  })
  const [done, ...chunks] = dataOf(events).reverse()
  expect(chunks.reverse().map((text) => JSON.parse(text))).toEqual([
    chunk('Hé'),
    chunk('llo "you"\n'),
    chunk('', 'stop'),
  ])
  expect(done).toBe('[DONE]')
})

test('text without deltas comes with the end of its part, its item or the response, and once', () => {
  const message = item.message('Hello')
  const end = [[0, 'Hello'], [0, 'stop'], '[DONE]']
  const completed = ev.completed('resp_1', { output: [message] })
  expect(shown([ev.created(), ev.textDone('Hello'), ev.done(message), completed])).toEqual(end)
  expect(shown([ev.created(), ev.done(message), completed])).toEqual(end)
  expect(shown([ev.created(), completed])).toEqual(end)
  const [, ...rest] = end
  expect(shown([ev.created(), ev.text('Hel'), ev.done(message), completed])).toEqual([[0, 'Hel'], [0, 'lo'], ...rest])
  expect(shown([ev.created(), ev.text('Hel'), completed])).toEqual([[0, 'Hel'], [0, 'lo'], ...rest])
})

test('a refusal is text; reasoning and calls are not shown', () => {
  const events = turnOf([
    item.reasoning(['Thinking']),
    item.functionCall('f', '{}'),
    item.message('', { content: [part.refusal('I cannot.')] }),
  ])
  expect(shown(events).at(-2)).toEqual([0, 'stop'])
  const texts = shown(events).slice(0, -2)
  expect(texts.map((chunk) => (chunk as [number, string])[1]).join('')).toBe('I cannot.')
})

test('the answers of several prompts come with their index, and usage for all of them', () => {
  const answer = (text: string) => [
    ev.created(),
    ev.text(text),
    ev.completed('resp_1', { output: [item.message(text)], usage: SAMPLE_USAGE }),
  ]
  const fields = { prompt: ['One', 'Two'], stream_options: { include_usage: true } }
  const chunks = shown([...answer('1'), ...answer('2')], fields)
  expect(chunks).toEqual([
    [0, '1'],
    [0, 'stop'],
    [1, '2'],
    [1, 'stop'],
    {
      prompt_tokens: 200,
      completion_tokens: 40,
      total_tokens: 240,
      prompt_tokens_details: { cached_tokens: 80 },
      completion_tokens_details: { reasoning_tokens: 14 },
    },
    '[DONE]',
  ])
  const unknown = [...answer('1'), ev.created(), ev.completed('resp_2', { output: [], usage: null })]
  expect(shown(unknown, fields).slice(-2)).toEqual([[1, 'stop'], '[DONE]'])
})

test('an incomplete answer ends with its reason', () => {
  const cut = (reason: string) => shown([ev.created(), ev.text('a'), ev.incomplete(reason)]).at(-2)
  expect(cut('max_output_tokens')).toEqual([0, 'length'])
  expect(cut('content_filter')).toEqual([0, 'content_filter'])
})

test('a late failure is an error frame', () => {
  const error = new GatewayError('upstream_stream_ended', 'It ended.')
  const body = { error: { message: 'It ended.', type: 'server_error', param: null, code: 'upstream_stream_ended' } }
  expect(
    JSON.parse(
      encoder()
        .fail(error)
        .replace(/^data: /, ''),
    ),
  ).toEqual(body)
})
