import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../lib/json.ts'
import { type GatewayError, toOpenAiError } from '../../turn/errors.ts'
import { TurnEvent } from '../../turn/events.ts'
import { type FailureContext, toEventFailure, toHttpFailure } from './failures.ts'

const chat: FailureContext = { endpoint: 'chat', slug: 'gpt-5.5', host: 'chatgpt.com' }
const responses: FailureContext = { ...chat, endpoint: 'responses' }

function answer(status: number, body: JsonObject | string, headers: Record<string, string> = {}): GatewayError {
  const bodyText = typeof body === 'string' ? body : JSON.stringify(body)
  return toHttpFailure({ status, headers, bodyText }, chat)
}

function event(data: JsonObject & { type: string }, context = chat): GatewayError {
  return toEventFailure(TurnEvent.of(data), context)
}

const failed = (error: JsonObject) => ({ type: 'response.failed', response: { id: 'resp_1', status: 'failed', error } })

const seen = (error: GatewayError) => ({
  status: error.status,
  type: error.type,
  code: error.code,
  param: error.param,
  isFinal: error.isFinal,
})

const refusal = { type: 'invalid_request_error', param: null, isFinal: false }

describe('statuses and codes (connector.md §13.1)', () => {
  test.each<[string, GatewayError, JsonObject]>([
    [
      'X-03: instructions refused',
      answer(400, { detail: 'Instructions are not valid' }),
      { ...refusal, status: 400, code: 'codex_instructions_invalid' },
    ],
    [
      'instructions required',
      answer(400, { detail: 'Instructions are required' }),
      { ...refusal, status: 400, code: 'codex_instructions_invalid' },
    ],
    [
      'X-04: unsupported parameter',
      answer(400, { detail: 'Unsupported parameter: foo' }),
      { ...refusal, status: 400, code: 'unsupported_parameter', param: 'foo' },
    ],
    [
      'unsupported parameter, quoted and nested, with a full stop',
      answer(400, { error: { message: "Unsupported parameter: 'text.foo'.", type: 'invalid_request_error' } }),
      { ...refusal, status: 400, code: 'unsupported_parameter', param: 'text.foo' },
    ],
    [
      'model refused',
      answer(400, { detail: "The 'gpt-5.5' model is not supported when using Codex with a ChatGPT account." }),
      { ...refusal, status: 404, code: 'model_not_found', param: 'model' },
    ],
    [
      'model needs a newer version',
      answer(400, { detail: "The 'gpt-5.6-sol' model requires a newer version of Codex." }),
      { ...refusal, status: 404, code: 'model_not_found', param: 'model' },
    ],
    [
      'model unknown',
      answer(404, { detail: 'Model not found gpt-x' }),
      { ...refusal, status: 404, code: 'model_not_found', param: 'model' },
    ],
    [
      'model refused in an event',
      event({
        type: 'error',
        status: 400,
        error: { type: 'invalid_request_error', message: "The 'x' model is not supported when using Codex" },
      }),
      { ...refusal, status: 404, code: 'model_not_found', param: 'model' },
    ],
    [
      'X-13: capacity as a 400',
      answer(400, {
        error: {
          type: 'invalid_request_error',
          message: 'Selected model is at capacity. Please try a different model.',
        },
      }),
      { status: 503, type: 'server_error', code: 'server_is_overloaded', param: null, isFinal: false },
    ],
    ...['server_is_overloaded', 'overloaded_error', 'slow_down'].map((code): [string, GatewayError, JsonObject] => [
      `X-13: ${code} as an event`,
      event(failed({ code, message: 'Later.' })),
      { status: 503, type: 'server_error', code: 'server_is_overloaded', param: null, isFinal: false },
    ]),
    [
      'X-05: context length',
      answer(400, { error: { code: 'context_length_exceeded', message: 'Too long.', param: 'input' } }),
      { ...refusal, status: 400, code: 'context_length_exceeded', param: 'messages' },
    ],
    [
      'X-05: context length by its words, in an event of the Responses door',
      event(failed({ code: null, message: 'Your input exceeds the context window of this model.' }), responses),
      { ...refusal, status: 400, code: 'context_length_exceeded', param: 'input' },
    ],
    [
      'sealed reasoning refused',
      answer(400, { error: { code: 'invalid_encrypted_content', message: 'No.' } }),
      { ...refusal, status: 400, code: 'invalid_encrypted_content' },
    ],
    [
      'sealed reasoning refused, by its words',
      answer(400, { detail: 'The encrypted content gAAA… could not be verified.' }),
      { ...refusal, status: 400, code: 'invalid_encrypted_content' },
    ],
    ...['invalid_prompt', 'cyber_policy', 'bio_policy'].map((code): [string, GatewayError, JsonObject] => [
      code,
      event(failed({ code, message: 'No.' })),
      { ...refusal, status: 400, code },
    ]),
    [
      'X-15: any other 400 keeps code and param',
      answer(400, {
        error: { message: 'No tool output found for function call call_X', code: 'odd', param: 'input[3]' },
      }),
      { ...refusal, status: 400, code: 'odd', param: 'input[3]' },
    ],
    [
      'a validation list',
      answer(422, { detail: [{ loc: ['body', 'input', 0], msg: 'Field required' }] }),
      { ...refusal, status: 422, code: null, param: 'input.0' },
    ],
    ['409', answer(409, { detail: 'Busy' }), { ...refusal, status: 409, code: null }],
    ['413', answer(413, { detail: 'Big' }), { ...refusal, status: 413, code: null }],
    ['404 with words', answer(404, { detail: 'Not Found' }), { ...refusal, status: 404, code: null }],
    [
      'X-22: 401',
      answer(401, { error: { message: 'Missing scopes: model.request', code: 'insufficient' } }),
      { status: 401, type: 'authentication_error', code: 'codex_auth_rejected', param: null, isFinal: false },
    ],
    [
      'workspace gone',
      answer(402, { detail: { code: 'deactivated_workspace' } }),
      { status: 402, type: 'permission_error', code: 'deactivated_workspace', param: null, isFinal: true },
    ],
    [
      'another 402',
      answer(402, { detail: 'Pay' }),
      { status: 402, type: 'permission_error', code: null, param: null, isFinal: false },
    ],
    [
      'X-14: 403 with a code',
      answer(403, { detail: { code: 'codex_workspace_access_denied', message: 'No access.' } }),
      { status: 403, type: 'permission_error', code: 'codex_workspace_access_denied', param: null, isFinal: true },
    ],
    [
      '403 without a code',
      answer(403, { detail: 'Forbidden' }),
      { status: 403, type: 'permission_error', code: 'codex_forbidden', param: null, isFinal: true },
    ],
    [
      'usage not included, 429',
      answer(429, { error: { type: 'usage_not_included', message: 'Upgrade.' } }),
      { status: 429, type: 'rate_limit_error', code: 'usage_not_included', param: null, isFinal: true },
    ],
    [
      'usage not included, 404',
      answer(404, { error: { code: 'usage_not_included', message: 'Upgrade.' } }),
      { status: 403, type: 'permission_error', code: 'usage_not_included', param: null, isFinal: true },
    ],
    [
      'X-08: blocked at the edge',
      answer(403, '<html><body>Just a moment</body></html>', { 'cf-mitigated': 'challenge' }),
      { status: 502, type: 'server_error', code: 'upstream_blocked', param: null, isFinal: true },
    ],
    [
      'HTML without the header',
      answer(503, '  <!DOCTYPE html><html>…'),
      { status: 502, type: 'server_error', code: 'upstream_blocked', param: null, isFinal: true },
    ],
    [
      '404 without a body',
      answer(404, ''),
      { status: 502, type: 'server_error', code: 'upstream_blocked', param: null, isFinal: true },
    ],
    [
      'quota as an event',
      event(failed({ code: 'insufficient_quota', message: 'Quota exceeded.' })),
      { status: 429, type: 'usage_limit_reached', code: 'usage_limit_reached', param: null, isFinal: true },
    ],
    [
      'another 429',
      answer(429, { detail: 'Slow down please' }),
      { status: 429, type: 'rate_limit_error', code: 'rate_limit_exceeded', param: null, isFinal: false },
    ],
    ...[500, 502, 503, 504].map((status): [string, GatewayError, JsonObject] => [
      String(status),
      answer(status, { error: { message: 'Oops', code: 'internal' } }),
      { status, type: 'server_error', code: 'server_error', param: null, isFinal: false },
    ]),
    [
      'an unknown code in an event',
      event(failed({ code: 'brand_new', message: 'Oops' })),
      { status: 502, type: 'server_error', code: 'server_error', param: null, isFinal: false },
    ],
    [
      'an event that states 503',
      event({ type: 'error', status: 503, error: { message: 'Oops' } }),
      { status: 502, type: 'server_error', code: 'server_error', param: null, isFinal: false },
    ],
    [
      'a flat event with status_code and headers',
      event({ type: 'error', status_code: 429, message: 'Slow', headers: { 'Retry-After': '7' } }),
      { status: 429, type: 'rate_limit_error', code: 'rate_limit_exceeded', param: null, isFinal: false },
    ],
    [
      'A-29: a redirect',
      answer(307, ''),
      { status: 502, type: 'server_error', code: 'upstream_redirect', param: null, isFinal: false },
    ],
  ])('%s', (_name, error, expected) => {
    expect(seen(error)).toEqual(expected)
  })
})

const limit = {
  type: 'usage_limit_reached',
  message: 'The usage limit has been reached',
  plan_type: 'free',
  resets_at: 1_775_317_531,
  eligible_promo: null,
  resets_in_seconds: 602_705,
}

test.each([429, 404])('X-01, X-02: a usage limit as %i keeps its fields and says when it ends', (status) => {
  const error = answer(status, { error: limit }, { 'x-codex-plan-type': 'free', 'x-codex-promo-message': '' })
  expect(toOpenAiError(error)).toEqual({
    error: {
      message: 'The usage limit has been reached. It resets at 2026-04-04T15:45:31Z.',
      type: 'usage_limit_reached',
      param: null,
      code: 'usage_limit_reached',
      plan_type: 'free',
      resets_at: 1_775_317_531,
      resets_in_seconds: 602_705,
    },
  })
  expect([error.status, error.retryAfterSeconds, error.headers]).toEqual([
    429,
    602_705,
    { 'x-codex-plan-type': 'free' },
  ])
})

test('X-17: the wait in the words is rounded up', () => {
  const error = event(failed({ code: 'rate_limit_exceeded', message: 'Please try again in 1.2s.' }))
  expect([error.status, error.code, error.retryAfterSeconds]).toEqual([429, 'rate_limit_exceeded', 2])
})

test('the event rides along with its failure', () => {
  const data = failed({ code: 'server_error', message: 'Oops' })
  expect([event(data).event?.fields, answer(500, {}).event]).toEqual([data, undefined])
})

test('X-12: what looks like a token is masked, HTML and stack traces are left out', () => {
  const secret = `at-${'abcdefgh1234'.repeat(3)}`
  expect(answer(400, { detail: `bad token ${secret}` }).message).toBe('bad token [secret]')
  expect(answer(400, { detail: 'Bearer abc.def refused' }).message).toBe('Bearer [secret] refused')
  expect(answer(500, { error: { message: 'Oops\n    at run (/srv/app.js:1)\n    at main' } }).message).toBe('Oops')
  expect(answer(500, { error: { message: '<html><body>x</body></html>' } }).message).toBe(
    'The backend answered HTTP 500 without a message.',
  )
})

test('words outside JSON are kept as they are', () => {
  expect(answer(503, 'upstream connect error').message).toBe('upstream connect error')
})

test('messages advise where the reader can do something', () => {
  const advice = [
    answer(400, { detail: 'Instructions are not valid' }),
    answer(429, { error: { code: 'usage_not_included', message: 'No.' } }),
    answer(403, '<html>', {}),
    answer(302, ''),
  ].map(({ message }) => message)
  expect(advice).toEqual([
    expect.stringContaining('prompt_mode "codex_default"'),
    expect.stringContaining('plan'),
    expect.stringContaining('credentials are fine'),
    expect.stringContaining('base_url'),
  ])
})

test('an answer without words still says something', () => {
  expect([answer(500, '').message, event({ type: 'response.failed' }).message]).toEqual([
    'The backend answered HTTP 500 without a message.',
    'The backend reported a failure without a message.',
  ])
})
