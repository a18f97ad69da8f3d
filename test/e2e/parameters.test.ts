import { expect, test } from 'vitest'
import { type Case, CHAT_CASES, RESPONSES_CASES } from '../conformance/field-cases.ts'
import { ALLOWED_FIELDS } from '../support/allowed-fields.ts'
import { type Running, startGateway } from '../support/gateway.ts'

const DOORS = [
  {
    id: 'P-02',
    path: '/v1/chat/completions',
    plain: { model: 'gpt-5.5', messages: [{ role: 'user', content: 'Hello' }] },
    cases: CHAT_CASES,
  },
  { id: 'P-03', path: '/v1/responses', plain: { model: 'gpt-5.5', input: 'Hello' }, cases: RESPONSES_CASES },
] as const

/** One request, and the body the backend got for it; undefined if it was not called. */
async function ask({ post, simulator }: Running, path: string, body: object, headers: Record<string, string> = {}) {
  simulator.resetState()
  const response = await post(path, body, headers)
  const text = await response.text()
  const { client_metadata: _metadata, ...seen } = simulator.requests[0]?.body ?? {}
  return {
    status: response.status,
    text,
    // For refusals, which are JSON.
    error: response.status === 200 ? undefined : JSON.parse(text).error,
    report: response.headers.get('x-codexway-dropped-params'),
    seen: simulator.requests.length === 0 ? undefined : seen,
  }
}

for (const { id, path, plain, cases } of DOORS) {
  test(`${id}: each optional field of the official type alone is passed, emulated, reported or refused`, async () => {
    const running = await startGateway()
    const { seen: plainBody } = await ask(running, path, plain)
    for (const [name, row] of Object.entries<Case>(cases)) {
      const { status, report, error, seen } = await ask(running, path, { ...plain, [name]: row.value })
      if ('refused' in row) {
        const code = name === 'previous_response_id' ? 'previous_response_not_found' : 'unsupported_parameter'
        expect([name, status, error.code, error.param, seen]).toEqual([name, 400, code, name, undefined])
        continue
      }
      expect([name, status, report]).toEqual([name, 200, 'dropped' in row ? name : null])
      expect(seen, name).toEqual({ ...plainBody, ...('changes' in row ? row.changes : {}) })
      expect(Object.keys(seen ?? {}).filter((key) => !ALLOWED_FIELDS.includes(key))).toEqual([])
    }
  })

  test(`P-04: strict_params refuses on ${path} what would be dropped, and nothing else`, async () => {
    const running = await startGateway()
    for (const [name, row] of Object.entries<Case>(cases)) {
      if ('refused' in row) continue
      const strict = { 'x-codexway-strict-params': 'true' }
      const { status, error, seen } = await ask(running, path, { ...plain, [name]: row.value }, strict)
      if (!('dropped' in row)) expect([name, status]).toEqual([name, 200])
      else
        expect([name, status, error.code, error.param, seen]).toEqual([
          name,
          400,
          'unsupported_parameter',
          name,
          undefined,
        ])
    }
    const two = await ask(running, path, {
      ...plain,
      zork: 1,
      temperature: 1,
      codex_capabilities: { strict_params: true },
    })
    expect([two.status, two.error.param]).toEqual([400, 'zork'])
    expect(two.error.message).toContain('temperature')
  })

  test(`P-06: on ${path} null, and what happens anyway, is neither reported nor refused`, async () => {
    const running = await startGateway({
      yaml: 'backends: {openai_codex: {extra: {codex: {default_capabilities: {strict_params: true}}}}}',
    })
    const { seen: plainBody } = await ask(running, path, plain)
    const nulls = Object.fromEntries(Object.keys(cases).map((name) => [name, null]))
    const noOps = {
      n: 1,
      logprobs: false,
      top_logprobs: 0,
      store: false,
      modalities: ['text'],
      truncation: 'disabled',
      background: false,
    }
    for (const fields of [nulls, noOps]) {
      const { status, report, seen, text } = await ask(running, path, { ...plain, ...fields })
      expect([status, report], text).toEqual([200, null])
      expect(seen).toEqual(plainBody)
    }
  })

  test(`P-16: allowed_params lets a new field of ${path} through, unreported, also in strict`, async () => {
    const codex = '{allowed_params: [new_field], default_capabilities: {strict_params: true}}'
    const running = await startGateway({
      yaml: `backends: {openai_codex: {extra: {codex: ${codex}}}}`,
      simulator: { strict: false },
    })
    const { seen: plainBody } = await ask(running, path, plain)
    const { status, report, seen } = await ask(running, path, { ...plain, new_field: { a: [1] } })
    expect([status, report]).toEqual([200, null])
    expect(seen).toEqual({ ...plainBody, new_field: { a: [1] } })
  })

  test(`P-15: a token limit on ${path} is an integer of at least 1`, async () => {
    const running = await startGateway()
    for (const name of ['max_tokens', 'max_completion_tokens', 'max_output_tokens']) {
      for (const value of [0, -1, '5', 1.5]) {
        const { status, error, seen } = await ask(running, path, { ...plain, [name]: value })
        expect([status, error.param, seen], `${name} ${value}`).toEqual([400, name, undefined])
      }
    }
  })
}

const chat = DOORS[0].plain

test('P-01, P-07: drops are reported in body order, nested extra_body ones behind', async () => {
  const running = await startGateway()
  const body = {
    top_p: 0.5,
    ...chat,
    logprobs: true,
    extra_body: { seed: 3, temperature: 9 },
    temperature: 1,
    stream_options: { include_usage: true, include_obfuscation: true },
    reasoning: { effort: 'low', max_tokens: 4 },
    metadata: { a: 'b' },
  }
  const { status, report, seen } = await ask(running, '/v1/chat/completions', body)
  expect([status, report]).toEqual([
    200,
    'top_p, logprobs, temperature, stream_options.include_obfuscation, reasoning.max_tokens, metadata, seed',
  ])
  expect(seen?.reasoning).toEqual({ effort: 'low', summary: 'auto' })
})

test('P-05: more than one answer, audio output and audio input are refused', async () => {
  const running = await startGateway()
  const audio = { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }
  const rows: [object, string][] = [
    [{ n: 2 }, 'n'],
    [{ modalities: ['text', 'audio'] }, 'modalities'],
    [{ messages: [{ role: 'user', content: [{ type: 'text', text: 'x' }, audio] }] }, 'messages[0].content[1]'],
  ]
  for (const [fields, param] of rows) {
    const { status, error, seen } = await ask(running, '/v1/chat/completions', { ...chat, ...fields })
    expect([status, error.code, error.param, seen]).toEqual([400, 'unsupported_parameter', param, undefined])
  }
})

test('P-17: what would change the answer if dropped is refused on /v1/responses', async () => {
  const running = await startGateway()
  for (const [name, value] of Object.entries({
    background: true,
    conversation: { id: 'conv_1' },
    prompt: { id: 'pmpt_1' },
  })) {
    const { status, error, seen } = await ask(running, '/v1/responses', { ...DOORS[1].plain, [name]: value })
    expect([status, error.code, error.param, seen]).toEqual([400, 'unsupported_parameter', name, undefined])
  }
})

test('P-11: five stop sequences, an empty one, or none at all are refused', async () => {
  const running = await startGateway()
  for (const stop of [['a', 'b', 'c', 'd', 'e'], '', [''], [], 5]) {
    const { status, error, seen } = await ask(running, '/v1/chat/completions', { ...chat, stop })
    expect([status, error.param, seen], JSON.stringify(stop)).toEqual([400, 'stop', undefined])
  }
})

test('stop is no parameter of /v1/responses: dropped and reported', async () => {
  const running = await startGateway()
  const { status, report } = await ask(running, '/v1/responses', { ...DOORS[1].plain, stop: 'answer' })
  expect([status, report]).toEqual([200, 'stop'])
})
