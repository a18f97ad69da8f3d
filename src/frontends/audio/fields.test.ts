import { expect, test } from 'vitest'
import { expectDocumented } from '../../../test/support/field-table.ts'
import { GatewayError } from '../../turn/errors.ts'
import { TRANSCRIPTION_FIELDS } from './fields.ts'
import { parseTranscription } from './request.ts'

function parse(fields: Readonly<Record<string, string>>, file: string | Blob = new Blob(['sound'])) {
  const form = new FormData()
  form.append('file', typeof file === 'string' ? file : new File([file], 'a.wav'))
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  return parseTranscription(form)
}

test('every field alone is passed, honoured, reported or refused, as its class says', () => {
  for (const [name, kind] of Object.entries(TRANSCRIPTION_FIELDS)) {
    if (name === 'file') continue
    if (kind === 'refused') expect(() => parse({ [name]: 'true' }), name).toThrow(GatewayError)
    else if (kind === 'honoured') expect(parse({ [name]: 'text' }), name).toMatchObject({ format: 'text', dropped: [] })
    else {
      const { form, dropped } = parse({ [name]: 'x' })
      expect([form.get(name), dropped], name).toEqual(kind === 'passed' ? ['x', []] : [null, [name]])
    }
  }
})

test('a file that is none, or empty, is refused with its path', () => {
  for (const file of ['text', new Blob([])]) {
    expect(() => parse({}, file)).toThrow(expect.objectContaining({ param: 'file' }))
  }
})

test('O-05: the documentation’s table is this one', () => {
  expectDocumented('audio', TRANSCRIPTION_FIELDS)
})
