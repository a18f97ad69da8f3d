import { encode } from 'gpt-tokenizer/encoding/o200k_base'
import { expect, test } from 'vitest'
import { countInput } from './count-input.ts'

const count = (text: string) => encode(text).length
const user = (...content: object[]) => ({ type: 'message', role: 'user', content })
const text = (words: string) => ({ type: 'input_text', text: words })

test('texts count their tokens, each item and tool four more', async () => {
  const tool = { type: 'function', name: 'read', parameters: {} }
  const body = { instructions: 'Be brief.', input: [user(text('Hello there'), text('world'))], tools: [tool] }
  const texts = ['Be brief.', 'Hello there', 'world', JSON.stringify(tool)]
  expect(await countInput(body, count)).toBe(texts.map(count).reduce((sum, each) => sum + each, 0) + 4 + 4)
})

test('calls count name and arguments, results their text, in whatever form', async () => {
  const call = { type: 'function_call', call_id: 'c', name: 'read', arguments: '{"path":"a"}' }
  const plain = { type: 'function_call_output', call_id: 'c', output: 'one two' }
  const parts = { type: 'function_call_output', call_id: 'c', output: [text('one two')] }
  const expected = count('read') + count('{"path":"a"}') + count('one two') + 8
  expect(await countInput({ input: [call, plain] }, count)).toBe(expected)
  expect(await countInput({ input: [call, parts] }, count)).toBe(expected)
})

test('images are flat, files and sealed reasoning go by their size, the shape of lite requests counts its tools', async () => {
  const image = { type: 'input_image', image_url: `data:image/png;base64,${'A'.repeat(40_000)}` }
  expect(await countInput({ input: [user(image)] }, count)).toBe(1004)
  const file = { type: 'input_file', file_data: 'A'.repeat(5600) }
  expect(await countInput({ input: [user(file)] }, count)).toBe(4 + (5600 * 3) / 4 / 40)
  expect(await countInput({ input: [{ type: 'reasoning', encrypted_content: 'A'.repeat(600) }] }, count)).toBe(104)
  const tools = [{ type: 'function', name: 'read' }]
  expect(await countInput({ input: [{ type: 'additional_tools', tools }] }, count)).toBe(
    8 + count(JSON.stringify(tools[0])),
  )
})

test('a long text is counted in pieces, of which none is lost', async () => {
  const long = 'lorem ipsum '.repeat(20_000)
  const estimate = await countInput({ input: [user(text(long))] }, count)
  expect(Math.abs(estimate - count(long) - 4)).toBeLessThan(20)
})
