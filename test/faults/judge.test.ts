import { expect, test } from 'vitest'
import { holdsCompletion, holdsOutput, judge, type Run } from './judge.ts'

const told = { text: 'One two', reasoning: '', callArguments: '', succeeds: true }
const completed = '{"type":"response.completed","response":{"output":[{"text":"a } \\" {"}]}}'
const frame = (data: object | string) => `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`
const text = (content: string) => frame({ choices: [{ delta: { content }, finish_reason: null }] })
const finish = frame({ choices: [{ delta: {}, finish_reason: 'stop' }] })
const error = frame({ error: { message: 'No.', code: 'upstream_stream_ended' } })
const done = frame('[DONE]')

function run(body: string, changes: Omit<Partial<Run>, 'reply'> & { reply?: object } = {}): string[] {
  const reply = { door: 'chat' as const, stream: true, status: 200, body, isComplete: true, ...changes.reply }
  const asked = [{ finished: true, afterOutput: false }]
  return judge({ told, maxAsked: 2, mustSucceed: false, passedDown: [completed], asked, ...changes, reply })
}

test('a whole answer and an honest failure are right', () => {
  expect(run(text('One ') + text('two') + finish + done, { mustSucceed: true })).toEqual([])
  expect(run(text('One ') + error, { passedDown: [] })).toEqual([])
  expect(run('{"error":{"message":"No.","code":"x"}}', { reply: { status: 502 } })).toEqual([])
})

test.each<[string, string[], string]>([
  ['no end', run(text('One ')), '0 terminal signals'],
  ['two ends', run(text('One two') + finish + done + done), '2 terminal signals'],
  ['an end after an error', run(text('One ') + error + done), '2 terminal signals'],
  ['a finish reason after which it fails', run(text('One two') + finish + error), 'an error behind a finish_reason'],
  ['a byte after the end', run(text('One two') + finish + done + text('')), '1 frames behind the end'],
  ['half an event', run('data: {"cho'), 'ends within an event'],
  ['text twice', run(text('One ') + text('One ') + error), 'text is "One One "'],
  ['a success with a gap', run(text('One ') + finish + done), 'text is "One "'],
  [
    'a success the backend never had',
    run(text('One two') + finish + done, { passedDown: [completed.slice(0, -1)] }),
    'success without a terminal event of the backend',
  ],
  [
    'a success made of a failure',
    run(text('One two') + finish + done, { told: { ...told, succeeds: false } }),
    'success where the backend failed',
  ],
  ['a needless failure', run(error, { mustSucceed: true }), 'failed needlessly: 200 upstream_stream_ended'],
  ['a cut', run(text('One '), { reply: { isComplete: false } }), 'the answer was cut off'],
  [
    'two generations',
    run(error, { asked: Array(2).fill({ finished: true, afterOutput: false }) }),
    'more than one finished generation',
  ],
  ['a third try', run(error, { asked: Array(3).fill({ finished: false, afterOutput: false }) }), 'asked 3 times'],
  ['a late repeat', run(error, { asked: [{ finished: false, afterOutput: true }] }), 'asked again after output'],
  ['a success that is an error', run('', { reply: { stream: false } }), 'no answer: '],
])('%s is told', (_name, wrong, rule) => {
  expect(wrong).toContain(rule)
})

test('a request without an end is told', () => {
  const never = judge({ told, maxAsked: 2, mustSucceed: false, passedDown: [], asked: [], reply: undefined })
  expect(never).toEqual(['the request never ended'])
})

test('only a whole terminal event with output completes, and only output is output', () => {
  expect(holdsCompletion(`x${completed}y`)).toBe(true)
  expect(holdsCompletion('{"type":"response.completed","response":{"output":[]}}')).toBe(false)
  expect(holdsOutput('{"type":"response.created"}{"type":"response.in_progress"}')).toBe(false)
  expect(holdsOutput('{"type":"response.output_item.added"}')).toBe(true)
})

test('the other doors have ends of their own', () => {
  const created = frame({ type: 'response.output_text.delta', delta: 'One ' })
  const failed = frame({ type: 'response.failed', response: { error: { message: 'No.', code: 'x' } } })
  expect(run(created + failed, { reply: { door: 'responses' } })).toEqual([])
  const delta = frame({ type: 'content_block_delta', delta: { type: 'text_delta', text: 'One ' } })
  const stopped = frame({ type: 'message_stop' })
  expect(run(delta + stopped, { reply: { door: 'messages' } })).toEqual(['text is "One "'])
})
