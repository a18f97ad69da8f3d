import { expect, test } from 'vitest'
import { toClientHeaders, toErrorHeaders } from './response-headers.ts'

const headers = {
  'x-codex-primary-used-percent': '3',
  'x-codex-secondary-used-percent': '',
  'x-codex-turn-state': 'opaque',
  'x-request-id': 'req_1',
  'x-oai-request-id': 'req_2',
  'openai-model': 'gpt-5.5',
  'x-models-etag': 'W/"1"',
  'content-encoding': 'gzip',
  'content-length': '5',
  'cf-ray': '1',
}
const kept = { 'x-codex-primary-used-percent': '3', 'x-codex-turn-state': 'opaque', 'x-request-id': 'req_1' }

test('X-11: limits, turn state and request id reach the client, the rest does not', () => {
  expect(toClientHeaders(headers, 'gpt-5.5')).toEqual({ ...kept, 'openai-model': 'gpt-5.5' })
})

test('X-21: another model than the one asked for is not told', () => {
  expect(toClientHeaders(headers, 'gpt-6')).toEqual(kept)
})

test('X-20: an error keeps them too; the second name of the request id stands in for the first', () => {
  expect(toErrorHeaders(headers)).toEqual(kept)
  expect([toErrorHeaders({ 'x-oai-request-id': 'req_2' }), toErrorHeaders({ 'x-request-id': '' })]).toEqual([
    { 'x-request-id': 'req_2' },
    {},
  ])
})

test('clients that know only the platform’s names are told of the window nearest to its end, in percent', () => {
  const windows = {
    'x-codex-primary-used-percent': '12',
    'x-codex-primary-window-minutes': '300',
    'x-codex-secondary-used-percent': '96.5',
    'x-codex-secondary-window-minutes': '10080',
    'x-codex-secondary-reset-after-seconds': '3661',
  }
  expect(toErrorHeaders(windows)).toEqual({
    ...windows,
    'x-ratelimit-limit-requests': '100',
    'x-ratelimit-remaining-requests': '3',
    'x-ratelimit-reset-requests': expect.stringMatching(/^1h1m[01]s$/),
  })
})
