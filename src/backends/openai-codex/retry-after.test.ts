import { expect, test } from 'vitest'
import type { JsonObject } from '../../lib/json.ts'
import { readRetryAfter } from './retry-after.ts'

const NOW_MS = Date.UTC(2026, 10, 23, 12, 0, 0)

test.each<[string, Record<string, string>, JsonObject, number | undefined]>([
  ['the header first', { 'retry-after': '7' }, { resets_in_seconds: 9 }, 7],
  ['a fraction in the header', { 'retry-after': '1.01' }, {}, 2],
  ['a date in the header', { 'retry-after': 'Mon, 23 Nov 2026 12:01:30 GMT' }, {}, 90],
  ['a date that is over', { 'retry-after': 'Mon, 23 Nov 2026 11:00:00 GMT' }, {}, 0],
  ['an empty header', { 'retry-after': '' }, { retry_after: 3 }, 3],
  ['nonsense in the header', { 'retry-after': 'soon' }, { retry_after: 3 }, 3],
  ['resets_in_seconds before resets_at', {}, { resets_at: NOW_MS / 1000 + 50, resets_in_seconds: 9 }, 9],
  ['resets_at', {}, { resets_at: NOW_MS / 1000 + 50 }, 50],
  ['retry_after_ms', {}, { retry_after_ms: 1500 }, 2],
  ['nested', {}, { error: { resets_in_seconds: 12 } }, 12],
  ['nested in a failed response', {}, { response: { error: { message: 'try again in 350ms' } } }, 1],
  ['beside the error', {}, { error: { code: 'x' }, retry_after: 4 }, 4],
  ['words in detail', {}, { detail: 'Please try again in 20 seconds.' }, 20],
  ['minutes and seconds', {}, { message: 'Try again in 6m0.5s' }, 361],
  ['nothing', {}, { error: { message: 'No.' } }, undefined],
])('%s', (_name, headers, body, expected) => {
  expect(readRetryAfter(headers, body, NOW_MS)).toBe(expected)
})
