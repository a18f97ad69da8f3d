import { expect, test } from 'vitest'
import { expectDocumented } from '../../../test/support/field-table.ts'
import { GatewayError } from '../../turn/errors.ts'
import { isHandled, OLLAMA_FIELDS, type OllamaKind } from './fields.ts'
import { parseOllamaRequest } from './request.ts'

/** A value of each field that asks for something. */
const ASKING: Record<string, unknown> = {
  tools: [{ type: 'function', function: { name: 'f' } }],
  system: 'Be brief.',
  images: ['iVBORw0KGgo='],
  format: 'json',
  think: false,
  options: { num_predict: 5 },
  stream: false,
  suffix: 'end',
}

/** Honoured by doing nothing: nothing is ever unloaded. */
const WITHOUT_EFFECT = ['keep_alive']

const BASE: Record<OllamaKind, object> = {
  chat: { messages: [{ role: 'user', content: 'Hello' }] },
  generate: { prompt: 'Hello' },
}

function parse(kind: OllamaKind, fields: object) {
  return parseOllamaRequest({ model: 'gpt-5.5', ...BASE[kind], ...fields }, { headers: {}, keyId: '' }, kind)
}

test.each(['chat', 'generate'] as const)('P-02: every field of %s alone does what its class says', (kind) => {
  const { fieldOrder: _order, ...plain } = parse(kind, {})
  for (const [name, fieldClass] of Object.entries(OLLAMA_FIELDS)) {
    if (name === 'model' || name in BASE[kind] || fieldClass === "gateway's own") continue
    const fields = { [name]: ASKING[name] ?? 1 }
    if (isHandled(name, kind) && fieldClass === 'refused') {
      expect(() => parse(kind, fields), name).toThrow(GatewayError)
      continue
    }
    const { fieldOrder: _fieldOrder, ...turn } = parse(kind, fields)
    if (!isHandled(name, kind)) expect(turn, name).toEqual({ ...plain, extras: fields })
    else if (WITHOUT_EFFECT.includes(name)) expect(turn, name).toEqual(plain)
    else {
      expect(turn.extras, name).toEqual({})
      expect(turn, name).not.toEqual(plain)
    }
  }
})

test('O-05: the documentation’s table is this one', () => expectDocumented('ollama', OLLAMA_FIELDS))
