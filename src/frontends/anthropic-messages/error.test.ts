import { expect, test } from 'vitest'
import { ERROR_TABLE, type ErrorKind, GatewayError, invalidField } from '../../turn/errors.ts'
import { messagesErrors, toMessagesError } from './error.ts'

test('the envelope: type, message, what the SDK reads as error code, the field, the request', () => {
  expect(toMessagesError(invalidField('messages', 'messages must be a list.'), 'req_1')).toEqual({
    type: 'error',
    error: { type: 'invalid_request_error', message: 'messages must be a list.', details: { param: 'messages' } },
    request_id: 'req_1',
  })
  const limited = new GatewayError('usage_limit_reached', 'Enough.', { details: { plan_type: 'plus' } })
  expect(toMessagesError(limited, null)).toMatchObject({
    error: { type: 'rate_limit_error', details: { plan_type: 'plus', error_code: 'usage_limit_reached' } },
  })
})

test('every error of the table has a type of this API', () => {
  const types = Object.keys(ERROR_TABLE).map((kind) => {
    const error = new GatewayError(kind as ErrorKind, '')
    return [error.status, toMessagesError(error, null).error]
  })
  const byStatus = new Map(types.map(([status, error]) => [status, (error as { type: string }).type]))
  expect([...byStatus].sort()).toEqual([
    [400, 'invalid_request_error'],
    [401, 'authentication_error'],
    [402, 'billing_error'],
    [403, 'permission_error'],
    [404, 'not_found_error'],
    [405, 'invalid_request_error'],
    [408, 'invalid_request_error'],
    [409, 'conflict_error'],
    [413, 'request_too_large'],
    [415, 'invalid_request_error'],
    [426, 'invalid_request_error'],
    [429, 'rate_limit_error'],
    [499, 'invalid_request_error'],
    [500, 'api_error'],
    [502, 'api_error'],
    [503, 'overloaded_error'],
    [504, 'timeout_error'],
  ])
  expect(toMessagesError(new GatewayError('gateway_busy', ''), null)).toMatchObject({
    error: { type: 'overloaded_error' },
  })
  const unreachable = new GatewayError('codex_auth_refresh_failed', '')
  expect(toMessagesError(unreachable, null)).toMatchObject({ error: { type: 'api_error' } })
})

test.each([
  ['/v1/messages', {}, true],
  ['/v1/messages/count_tokens', {}, true],
  ['/anthropic/v1/models', {}, true],
  ['/v1/models', { 'anthropic-version': '2023-06-01' }, true],
  ['/v1/models', {}, false],
  ['/v1/messages-of-others', {}, false],
  ['/v1/chat/completions', {}, false],
])('%s with %j: %s', (path, headers, expected) => {
  expect(messagesErrors.covers(path, headers)).toBe(expected)
})
