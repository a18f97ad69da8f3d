import Anthropic from '@anthropic-ai/sdk'
import { expect, test } from 'vitest'
import { ev } from '../../src/simulator/events.ts'
import { startGateway } from '../support/gateway.ts'
import { messagesClient } from '../support/messages-client.ts'

const HELLO = { model: 'gpt-5.5', max_tokens: 1000, messages: [{ role: 'user' as const, content: 'Hello' }] }

/** Status and error object of an answer, and whether its two ids agree. */
async function failureOf(response: Response) {
  const body = (await response.json()) as { type: string; error: { type: string }; request_id: string }
  expect([body.type, body.request_id]).toEqual(['error', response.headers.get('request-id')])
  return [response.status, body.error]
}

test('what fails before the door has this API’s form, too', async () => {
  const { url, post } = await startGateway({ env: { CODEXWAY_API_KEYS: 'secret' } })
  const key = { 'x-api-key': 'secret' }
  for (const path of ['/v1/messages', '/anthropic/v1/messages', '/v1/messages/count_tokens']) {
    expect(await failureOf(await post(path, HELLO))).toMatchObject([401, { type: 'authentication_error' }])
    expect(await failureOf(await post(path, '{', key))).toMatchObject([
      400,
      { type: 'invalid_request_error', details: { error_code: 'invalid_json' } },
    ])
  }
  const get = await fetch(`${url}/v1/messages`, { headers: key })
  expect(await failureOf(get)).toMatchObject([405, { type: 'invalid_request_error' }])
  const unknown = await fetch(`${url}/anthropic/v1/files`, { headers: key })
  expect(await failureOf(unknown)).toMatchObject([404, { type: 'not_found_error' }])
  const other = await post('/v1/messages/batches', HELLO, key)
  expect(await failureOf(other)).toMatchObject([404, { type: 'not_found_error' }])
  const versioned = await fetch(`${url}/v1/files`, { headers: { ...key, 'anthropic-version': '2023-06-01' } })
  expect(await failureOf(versioned)).toMatchObject([404, { type: 'not_found_error' }])
})

test('both kinds of gateway key open the door', async () => {
  const { post } = await startGateway({ env: { CODEXWAY_API_KEYS: 'secret' } })
  for (const headers of [{ 'x-api-key': 'secret' }, { authorization: 'Bearer secret' }]) {
    expect((await post('/v1/messages', HELLO, headers)).status).toBe(200)
  }
})

test('a body over the limit is request_too_large', async () => {
  const { post } = await startGateway({ yaml: 'server: {max_body_bytes: 1024}' })
  const body = { ...HELLO, system: 'x'.repeat(2000) }
  expect(await failureOf(await post('/v1/messages', body))).toMatchObject([413, { type: 'request_too_large' }])
})

for (const [code, status, type] of [
  ['rate_limit_exceeded', 429, 'rate_limit_error'],
  ['server_is_overloaded', 503, 'overloaded_error'],
  ['context_length_exceeded', 400, 'invalid_request_error'],
  ['server_error', 502, 'api_error'],
] as const) {
  test(`an early ${code} is HTTP ${status} with ${type}`, async () => {
    const { post, simulator } = await startGateway()
    simulator.play({ stream: [ev.created(), ev.failed({ code, message: 'No' })] })
    const response = await post('/v1/messages', { ...HELLO, stream: true })
    expect(await failureOf(response)).toMatchObject([status, { type, message: 'No' }])
  })
}

test('the official client sees its own error classes, the message and the request id', async () => {
  const gateway = await startGateway({ auth: null })
  const failure = await messagesClient(gateway)
    .messages.create(HELLO)
    .catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(Anthropic.AuthenticationError)
  expect(failure).toMatchObject({
    status: 401,
    type: 'authentication_error',
    errorCode: 'codex_auth_missing',
    requestID: expect.stringMatching(/^req_/),
    message: expect.stringContaining('codex login'),
  })
})

test('an unknown model is not_found_error, a bad field names its path, and the backend is not called', async () => {
  const { post, simulator } = await startGateway()
  expect(await failureOf(await post('/v1/messages', { ...HELLO, model: 'llama' }))).toMatchObject([
    404,
    { type: 'not_found_error', details: { error_code: 'model_not_found', param: 'model' } },
  ])
  const body = { ...HELLO, messages: [{ role: 'user', content: [{ type: 'video' }] }] }
  expect(await failureOf(await post('/v1/messages', body))).toMatchObject([
    400,
    { type: 'invalid_request_error', details: { param: 'messages[0].content[0].type' } },
  ])
  expect(simulator.requests).toEqual([])
})

test('what is left out is reported, and refused with strict_params', async () => {
  const { post } = await startGateway()
  const body = { ...HELLO, temperature: 1, context_management: { edits: [] }, extra: 1 }
  const answer = await post('/v1/messages', body)
  expect([answer.status, answer.headers.get('x-codexway-dropped-params')]).toEqual([
    200,
    'temperature, context_management, extra',
  ])
  const strict = await post('/v1/messages', body, { 'x-codexway-strict-params': 'true' })
  expect(await failureOf(strict)).toMatchObject([400, { details: { param: 'temperature' } }])
})
