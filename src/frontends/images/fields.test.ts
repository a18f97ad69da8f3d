import { expect, test } from 'vitest'
import { expectDocumented } from '../../../test/support/field-table.ts'
import { GatewayError } from '../../turn/errors.ts'
import { IMAGE_FIELDS } from './fields.ts'
import { toJsonForm } from './form.ts'
import { parseImageCall, parseImageTurn } from './request.ts'

const PNG = 'data:image/png;base64,iVBORw0KGgo='
const CLIENT = { headers: {}, keyId: '' }

/** A value of each field that asks for something. */
const ASKING: Record<string, unknown> = {
  prompt: 'a cat',
  model: 'dall-e-3',
  image: [PNG, PNG],
  images: [{ image_url: `${PNG}AAAA` }],
  mask: { image_url: PNG },
  size: '1536x1024',
  quality: 'high',
  background: 'transparent',
  output_format: 'webp',
  output_compression: 50,
  response_format: 'url',
  n: 2,
  moderation: 'low',
}

function edit(fields: object) {
  return parseImageCall({ prompt: 'a dot', image: PNG, ...fields }, CLIENT, 'edits')
}

test('every field alone is carried over, reported or refused, as its class says', () => {
  const plain = edit({})
  for (const [name, kind] of Object.entries(IMAGE_FIELDS)) {
    if (name === 'stream' || name === 'partial_images' || kind === "gateway's own") continue
    const fields = { [name]: ASKING[name] ?? 1 }
    if (kind === 'refused') expect(() => edit(fields), name).toThrow(GatewayError)
    else if (kind === 'dropped') expect(edit(fields), name).toEqual({ ...plain, dropped: [name] })
    else {
      expect(edit(fields), name).not.toEqual(plain)
      expect(edit(fields).dropped, name).toEqual([])
    }
  }
})

test('the smallest request is what the Codex CLI sends', () => {
  expect(parseImageCall({ prompt: 'a dot' }, CLIENT, 'generations').body).toEqual({
    prompt: 'a dot',
    background: 'opaque',
    model: 'gpt-image-2',
    quality: 'auto',
    size: 'auto',
  })
})

test('what the backend has not is the nearest there is, and reported', () => {
  const { body, adjusted } = edit({ model: 'dall-e-3', size: '1792x1024', quality: 'hd' })
  expect(body).toMatchObject({ model: 'gpt-image-2', size: '1536x1024', quality: 'high' })
  expect(adjusted).toEqual(['model=gpt-image-2', 'size=1536x1024', 'quality=high'])
  expect(edit({ size: '2000x900' })).toMatchObject({ body: { size: 'auto' }, adjusted: ['size=auto'] })
})

test.each<[object, string]>([
  [{ prompt: '' }, 'prompt'],
  [{ prompt: 7 }, 'prompt'],
  [{ size: 'big' }, 'size'],
  [{ quality: 'best' }, 'quality'],
  [{ background: 'green' }, 'background'],
  [{ output_format: 'svg' }, 'output_format'],
  [{ output_compression: 101 }, 'output_compression'],
  [{ response_format: 'file' }, 'response_format'],
  [{ model: 'gpt-5.5' }, 'model'],
  [{ image: undefined }, 'image'],
  [{ image: Array(17).fill(PNG) }, 'image'],
  [{ images: [{ image_url: PNG }, { file_id: 'file_1' }] }, 'images[1].file_id'],
  [{ images: [{ image_url: PNG }, 7] }, 'images[1]'],
  [{ mask: {} }, 'mask'],
])('%j is refused with its path', (fields, param) => {
  expect(() => edit(fields)).toThrow(expect.objectContaining({ param }))
})

test('a stream is a turn that must use the hosted tool', () => {
  const asked = {
    prompt: 'a dot',
    stream: true,
    partial_images: 2,
    image: PNG,
    mask: { image_url: PNG },
    size: '1024x1024',
  }
  const { body, dropped, model } = parseImageTurn(asked, CLIENT, 'edits')
  expect([model, dropped]).toEqual(['gpt-5.5', []])
  expect(body).toMatchObject({
    tool_choice: { type: 'image_generation' },
    tools: [{ type: 'image_generation', size: '1024x1024', partial_images: 2, input_image_mask: { image_url: PNG } }],
    input: [
      {
        content: [
          { type: 'input_image', image_url: PNG },
          { type: 'input_text', text: 'a dot' },
        ],
      },
    ],
  })
  expect(() => parseImageTurn({ ...asked, partial_images: 4 }, CLIENT, 'edits')).toThrow(GatewayError)
  expect(() => parseImageTurn({ ...asked, response_format: 'url' }, CLIENT, 'edits')).toThrow(GatewayError)
})

test('a form’s texts and files become the JSON form', () => {
  const png = { type: '', bytes: Buffer.from('iVBORw0KGgo=', 'base64') }
  const fields = new Map([
    ['prompt', ['a dot']],
    ['n', ['1']],
    ['stream', ['true']],
    ['image', [png, { ...png, type: 'image/jpeg' }]],
    ['mask', [png]],
  ])
  expect(toJsonForm(fields)).toEqual({
    prompt: 'a dot',
    n: 1,
    stream: true,
    image: [PNG, PNG.replace('png', 'jpeg')],
    mask: PNG,
  })
  const text = { type: '', bytes: Buffer.from('no image') }
  expect(() => toJsonForm(new Map([['image', [text]]]))).toThrow(expect.objectContaining({ param: 'image' }))
  expect(() => toJsonForm(new Map([['prompt', [png]]]))).toThrow(expect.objectContaining({ param: 'prompt' }))
})

test('O-05: the documentation’s table is this one', () => {
  expectDocumented('images', IMAGE_FIELDS)
})
