import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { JsonObject } from '../../../lib/json.ts'
import { type HeldContext, matchContext } from './continuation.ts'
import type { AnswerForm } from './match-answer.ts'

const FIELDS = { model: 'gpt-5.5', stream: true, tools: [{ type: 'function', name: 'read' }], tool_choice: 'auto' }
const user = (text: string) => ({ type: 'message', role: 'user', content: [{ type: 'input_text', text }] })
const said = (text: string): JsonObject => ({
  id: 'msg_1',
  type: 'message',
  status: 'completed',
  role: 'assistant',
  phase: 'final_answer',
  content: [{ type: 'output_text', text, annotations: [], logprobs: [] }],
})
const thought = (seal: string): JsonObject => ({
  id: 'rs_1',
  type: 'reasoning',
  summary: [{ type: 'summary_text', text: 'Thinking' }],
  content: null,
  encrypted_content: seal,
})
const call = (id: string, args: unknown): JsonObject => ({
  id: 'fc_1',
  type: 'function_call',
  status: 'completed',
  call_id: id,
  name: 'read',
  arguments: JSON.stringify(args),
})
const result = (id: string) => ({ type: 'function_call_output', call_id: id, output: 'ok' })

function held(input: JsonObject[], output: JsonObject[]): HeldContext {
  return { responseId: 'resp_1', fields: { ...FIELDS, input }, output, contextBytes: 0 }
}

function match(context: HeldContext, input: JsonObject[], form: AnswerForm = 'items', fields: JsonObject = FIELDS) {
  return matchContext(context, { ...fields, input }, form)
}

test('a history that goes on: only what is new is left', () => {
  const context = held([user('a')], [thought('s'), said('b')])
  const input = [user('a'), thought('s'), said('b'), user('c')]
  expect(match(context, input)).toEqual({ kind: 'extends', from: 3 })
})

test('ids, statuses, empty members and reasoning may be gone, arguments written anew', () => {
  const context = held([user('a')], [thought('s'), said('b'), call('c1', { path: 'x', line: 1 })])
  const again = { type: 'function_call', call_id: 'c1', name: 'read', arguments: '{"line": 1,\n "path": "x"}' }
  const text = { role: 'assistant', content: 'b' }
  expect(match(context, [user('a'), text, again, result('c1')])).toEqual({ kind: 'extends', from: 3 })
})

test('a chat client joins texts and loses their place among the calls', () => {
  const context = held([user('a')], [thought('s'), said('b'), call('c1', {}), said('d'), call('c2', {})])
  const joined = { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'bd' }] }
  const input = [user('a'), joined, thought('s'), call('c1', {}), call('c2', {}), result('c1'), result('c2')]
  expect(match(context, input, 'message')).toEqual({ kind: 'extends', from: 5 })
  expect(match(context, input, 'items')).toEqual({ kind: 'changed' })
})

test.each([
  ['an edited question', [user('A'), said('b'), user('c')]],
  ['an edited answer', [user('a'), said('B'), user('c')]],
  ['an answer left out', [user('a'), user('c')]],
  ['something put before it', [user('0'), user('a'), said('b'), user('c')]],
  ['foreign reasoning', [user('a'), thought('other'), said('b'), user('c')]],
  ['an old turn once more', [user('a')]],
  ['nothing new', [user('a'), said('b')]],
  ['a fork', [user('a'), user('again')]],
])('%s needs the whole conversation', (_name, input) => {
  expect(match(held([user('a')], [thought('s'), said('b')]), input).kind).not.toBe('extends')
  expect(match(held([user('a')], [thought('s'), said('b')]), input, 'message').kind).not.toBe('extends')
})

test('a message may lose its type, and a text its part', () => {
  const context = held([user('a')], [said('b')])
  expect(match(context, [{ role: 'user', content: 'a' }, said('b'), user('c')])).toEqual({ kind: 'extends', from: 2 })
})

test('an answer under another phase is not the one that is held', () => {
  const input = [user('a'), { ...said('b'), phase: 'commentary' }, user('c')]
  expect(match(held([user('a')], [said('b')]), input)).toEqual({ kind: 'changed' })
})

test.each([
  ['tools', { ...FIELDS, tools: [] }],
  ['the model', { ...FIELDS, model: 'gpt-5.6-sol' }],
  ['effort', { ...FIELDS, reasoning: { effort: 'high' } }],
  ['the tool choice', { ...FIELDS, tool_choice: 'none' }],
])('a change of %s makes it another conversation', (_name, fields) => {
  const input = [user('a'), said('b'), user('c')]
  expect(match(held([user('a')], [said('b')]), input, 'items', fields)).toEqual({ kind: 'stranger' })
})

test('numbers that parsing may round are compared as they are written', () => {
  const context = held([user('a')], [{ ...call('c1', {}), arguments: '{"n":12345678901234567890}' }])
  const near = { ...call('c1', {}), arguments: '{"n":12345678901234567891}' }
  expect(match(context, [user('a'), near, result('c1')])).toEqual({ kind: 'changed' })
})

// What a conversation says, however it is written down: the test's own idea of it.
function meaning(items: readonly JsonObject[]): string {
  const spoken = items.filter(({ type }) => type !== 'reasoning')
  return JSON.stringify(
    spoken.map(({ type = 'message', role, content, call_id, name, arguments: args, output, input }) => ({
      type,
      role,
      text: content === undefined ? undefined : partsOf({ content }),
      call_id,
      name,
      args: args === undefined ? undefined : sorted(JSON.parse(String(args))),
      output,
      input,
    })),
  )
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => [key, sorted(member)])
}

/** In the chat form one answer's texts are one text, before its calls. */
function chatMeaning(items: readonly JsonObject[]): string {
  const merged: JsonObject[] = []
  let text: string | undefined
  let calls: JsonObject[] = []
  const flush = () => {
    if (text !== undefined) merged.push({ role: 'assistant', content: [{ text }] })
    merged.push(...calls)
    text = undefined
    calls = []
  }
  for (const item of items.filter(({ type }) => type !== 'reasoning')) {
    if (item.role === 'assistant') text = (text ?? '') + partsOf(item).join('')
    else if (String(item.type).endsWith('_call')) calls.push(item)
    else {
      flush()
      merged.push(item)
    }
  }
  flush()
  return meaning(merged.filter((item) => item.role !== 'assistant' || partsOf(item).join('') !== ''))
}

function partsOf({ content }: JsonObject): string[] {
  if (!Array.isArray(content)) return [String(content)]
  return content.map((part: { text?: string; refusal?: string }) => part.text ?? part.refusal ?? '')
}

const word = fc.constantFrom('', 'a', 'b', 'ab', 'é', '"', '\n')
const args = fc.dictionary(fc.constantFrom('path', 'line', '__proto__x'), fc.oneof(word, fc.nat(9), fc.constant(null)))
const custom = fc.tuple(word, fc.nat(9)).map(
  ([input, id]): JsonObject => ({
    type: 'custom_tool_call',
    id: 'ctc',
    status: 'completed',
    call_id: `u${id}`,
    name: 'patch',
    input,
  }),
)
const spokenItem = fc.oneof(
  word.map(said),
  fc.tuple(fc.nat(9), args).map(([id, value]) => call(`c${id}`, value)),
  custom,
)
const output = fc
  .tuple(fc.array(fc.constantFrom('s1', 's2').map(thought), { maxLength: 2 }), fc.array(spokenItem, { maxLength: 4 }))
  .map(([thoughts, items]) => [...thoughts, ...items])
const clientItem = fc.oneof(
  word.map(user),
  fc.nat(9).map((id) => result(`c${id}`)),
  word.map((text): JsonObject => ({ type: 'message', role: 'developer', content: [{ type: 'input_text', text }] })),
)
const history = fc.record({
  input: fc.array(clientItem, { minLength: 1, maxLength: 4 }),
  output,
  rest: fc.array(clientItem, { minLength: 1, maxLength: 3 }),
})
const flags = fc.record({
  dropIds: fc.boolean(),
  dropReasoning: fc.boolean(),
  dropNotes: fc.boolean(),
  asString: fc.boolean(),
  rewrite: fc.boolean(),
})
type Flags = Parameters<Parameters<typeof flags.map>[0]>[0]

/** One item as a Responses client may send it again. */
function resend(item: JsonObject, { dropIds, dropNotes, asString, rewrite }: Flags): JsonObject {
  const again: JsonObject = structuredClone(item)
  if (dropIds) for (const key of ['id', 'status', 'phase']) delete again[key]
  if (again.content === null) delete again.content
  if (again.role === 'assistant') {
    if (dropNotes) again.content = partsOf(again).map((text) => ({ type: 'output_text', text }))
    if (asString) again.content = partsOf(again).join('')
  }
  if (rewrite && typeof again.arguments === 'string')
    again.arguments = JSON.stringify(JSON.parse(again.arguments), null, 2)
  return again
}

/** One answer as the chat door translates what its client sends again. */
function resendAsChat(answer: readonly JsonObject[], how: Flags): JsonObject[] {
  const text = answer
    .filter(({ role }) => role === 'assistant')
    .flatMap(partsOf)
    .join('')
  const message = { type: 'message', role: 'assistant', content: [{ type: 'output_text', text }] }
  const reasoning = how.dropReasoning ? [] : answer.filter(({ type }) => type === 'reasoning')
  const calls = answer.filter(({ type }) => String(type).endsWith('_call')).map((item) => resend(item, how))
  return [...(text === '' ? [] : [message]), ...reasoning, ...calls]
}

test('whatever a Responses client may legally send again is recognised, and means the same as the whole', () => {
  fc.assert(
    fc.property(history, flags, ({ input, output: answer, rest }, how) => {
      const kept = answer.filter(({ type }) => type !== 'reasoning' || !how.dropReasoning)
      const whole = [...input, ...kept.map((item) => resend(item, how)), ...rest]
      const found = match(held(input, answer), whole)
      expect(found).toEqual({ kind: 'extends', from: input.length + kept.length })
      expect(meaning([...input, ...answer, ...whole.slice(input.length + kept.length)])).toBe(meaning(whole))
    }),
    { numRuns: 2000 },
  )
})

test('whatever a chat client may legally send again is recognised, and means the same as the whole', () => {
  fc.assert(
    fc.property(history, flags, ({ input, output: answer, rest }, how) => {
      const again = resendAsChat(answer, how)
      const whole = [...input, ...again, ...rest]
      expect(match(held(input, answer), whole, 'message')).toEqual({
        kind: 'extends',
        from: input.length + again.length,
      })
      expect(chatMeaning([...input, ...answer, ...rest])).toBe(chatMeaning(whole))
    }),
    { numRuns: 2000 },
  )
})

test('a history changed at random goes on only where it still means the same', () => {
  const edit = fc.record({
    at: fc.nat(),
    with: fc.option(fc.oneof(clientItem, spokenItem, fc.constant(thought('s3')))),
  })
  fc.assert(
    fc.property(history, flags, edit, fc.constantFrom<AnswerForm>('items', 'message'), (parts, how, change, form) => {
      const { input, output: answer, rest } = parts
      const again = form === 'items' ? answer.map((item) => resend(item, how)) : resendAsChat(answer, how)
      const whole = [...input, ...again, ...rest]
      const at = change.at % whole.length
      const changed = change.with === null ? whole.toSpliced(at, 1) : whole.toSpliced(at, 1, change.with)
      const found = match(held(input, answer), changed, form)
      if (found.kind !== 'extends') return
      const resulting = [...input, ...answer, ...changed.slice(found.from)]
      const means = form === 'items' ? meaning : chatMeaning
      expect(means(resulting)).toBe(means(changed))
    }),
    { numRuns: 5000 },
  )
})
