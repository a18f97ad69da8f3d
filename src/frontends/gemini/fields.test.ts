import { expect, test } from 'vitest'
import { expectDocumented } from '../../../test/support/field-table.ts'
import { GatewayError } from '../../turn/errors.ts'
import { GEMINI_CONFIG_FIELDS, GEMINI_FIELDS } from './fields.ts'
import { parseGeminiRequest } from './request.ts'

/** A value of each field that asks for something. */
const ASKING: Record<string, unknown> = {
  systemInstruction: { parts: [{ text: 'Be brief.' }] },
  tools: [{ functionDeclarations: [{ name: 'f' }] }],
  toolConfig: { retrievalConfig: {} },
  generationConfig: { maxOutputTokens: 5 },
  serviceTier: 'priority',
  cachedContent: 'cachedContents/1',
  continuationToken: 'x',
  responseMimeType: 'application/json',
  responseSchema: { type: 'OBJECT' },
  responseJsonSchema: { type: 'object' },
  thinkingConfig: { includeThoughts: true },
  stopSequences: ['END'],
  candidateCount: 2,
  responseModalities: ['IMAGE'],
}

function parse(fields: object) {
  const body = { contents: [{ parts: [{ text: 'Hello' }] }], ...fields }
  return parseGeminiRequest(body, { headers: {}, keyId: '' }, { model: 'gpt-5.5', stream: false })
}

function withoutOrder(fields: object) {
  const { fieldOrder: _order, ...turn } = parse(fields)
  return turn
}

test('P-02: every field alone is carried over, emulated, reported or refused, as its class says', () => {
  const plain = withoutOrder({})
  for (const [name, kind] of Object.entries(GEMINI_FIELDS)) {
    if (name === 'contents' || name === 'model' || kind === "gateway's own") continue
    const fields = { [name]: ASKING[name] ?? 1 }
    if (kind === 'refused') expect(() => parse(fields), name).toThrow(GatewayError)
    else if (kind === 'dropped') expect(withoutOrder(fields), name).toEqual({ ...plain, extras: fields })
    else {
      expect(withoutOrder(fields).extras, name).toEqual({})
      expect(withoutOrder(fields), name).not.toEqual(plain)
    }
  }
})

test('P-02: so is every member of generationConfig, in both spellings', () => {
  const plain = withoutOrder({})
  for (const [name, kind] of Object.entries(GEMINI_CONFIG_FIELDS)) {
    const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    for (const fields of [
      { generationConfig: { [name]: ASKING[name] ?? 1 } },
      { generation_config: { [snake]: ASKING[name] ?? 1 } },
    ]) {
      if (kind === 'refused') expect(() => parse(fields), name).toThrow(GatewayError)
      else if (kind === 'dropped')
        expect(withoutOrder(fields), name).toEqual({ ...plain, dropped: [`generationConfig.${name}`] })
      else {
        expect(withoutOrder(fields).dropped, name).toEqual([])
        expect(withoutOrder(fields), name).not.toEqual(plain)
      }
    }
  }
})

test('O-05: the documentation’s tables are these', () =>
  expectDocumented('gemini', { ...GEMINI_FIELDS, ...GEMINI_CONFIG_FIELDS }))
