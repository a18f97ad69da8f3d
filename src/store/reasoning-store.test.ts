import { expect, test } from 'vitest'
import { ReasoningStore } from './reasoning-store.ts'

const scope = { keyId: '', accountId: 'acct-A', slug: 'gpt-5.5' }
const sealed = { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'gAAA' }
const kept = { type: 'reasoning', summary: [], encrypted_content: 'gAAA' }
const call = (id: string) => ({ type: 'function_call', call_id: id, name: 'read', arguments: '{}' })
const said = (text: string) => ({ type: 'message', role: 'assistant', content: [{ type: 'output_text', text }] })
const asked = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] }

test('I-04: reasoning goes back right before the first call of its turn, once', () => {
  const store = new ReasoningStore()
  store.remember(scope, [sealed, said('I look.'), call('a'), call('b')])
  expect(store.restore(scope, [asked, said('I look.'), call('a'), call('b')])).toEqual([
    asked,
    said('I look.'),
    kept,
    call('a'),
    call('b'),
  ])
})

test('I-05: a turn of text only is known again by its text', () => {
  const store = new ReasoningStore()
  store.remember(scope, [sealed, said('Hello.')])
  expect(store.restore(scope, [asked, said('Hello.'), asked])).toEqual([asked, kept, said('Hello.'), asked])
})

test('another account, model or gateway key sees nothing', () => {
  const store = new ReasoningStore()
  store.remember(scope, [sealed, call('a')])
  for (const other of [{ accountId: 'acct-B' }, { slug: 'gpt-plain' }, { keyId: 'k2' }]) {
    expect(store.restore({ ...scope, ...other }, [call('a')])).toEqual([call('a')])
  }
})

test('reasoning without encrypted content is not worth keeping', () => {
  const store = new ReasoningStore()
  store.remember(scope, [{ type: 'reasoning', summary: [] }, call('a')])
  expect(store.restore(scope, [call('a')])).toEqual([call('a')])
})

test('what the backend could not read is forgotten', () => {
  const store = new ReasoningStore()
  store.remember(scope, [sealed, call('a')])
  store.forget(scope, [call('a')])
  expect(store.restore(scope, [call('a')])).toEqual([call('a')])
})

test('what the client brings itself is not put in twice', () => {
  const store = new ReasoningStore()
  store.remember(scope, [sealed, said('I look.'), call('a'), call('b')])
  const input = [asked, kept, said('I look.'), call('a'), call('b')]
  expect(store.restore(scope, input)).toEqual(input)
})
