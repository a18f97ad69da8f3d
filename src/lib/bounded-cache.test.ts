import { expect, test } from 'vitest'
import { BoundedCache } from './bounded-cache.ts'

const HOUR_MS = 3_600_000

test('the least recently used entry goes first', () => {
  const cache = new BoundedCache<number>({ maxEntries: 2, maxBytes: 100, maxAgeMs: HOUR_MS })
  cache.set('a', 1, 1)
  cache.set('b', 2, 1)
  cache.get('a')
  cache.set('c', 3, 1)
  expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([1, undefined, 3])
})

test('the sum of sizes stays under its cap', () => {
  const cache = new BoundedCache<number>({ maxEntries: 10, maxBytes: 10, maxAgeMs: HOUR_MS })
  cache.set('a', 1, 6)
  cache.set('b', 2, 6)
  expect([cache.get('a'), cache.get('b'), cache.bytes]).toEqual([undefined, 2, 6])
})

test('an entry larger than the whole cache is not kept and pushes nothing out', () => {
  const cache = new BoundedCache<number>({ maxEntries: 10, maxBytes: 10, maxAgeMs: HOUR_MS })
  cache.set('a', 1, 5)
  cache.set('b', 2, 11)
  expect([cache.get('a'), cache.get('b'), cache.bytes]).toEqual([1, undefined, 5])
})

test('an entry ends with its age, however often it is read', () => {
  let nowMs = 0
  const cache = new BoundedCache<number>({ maxEntries: 10, maxBytes: 10, maxAgeMs: 100 }, () => nowMs)
  cache.set('a', 1, 5)
  nowMs = 99
  expect(cache.get('a')).toBe(1)
  nowMs = 100
  expect([cache.get('a'), cache.bytes]).toEqual([undefined, 0])
})

test('5,000 entries leave no more than the cap', () => {
  const cache = new BoundedCache<string>({ maxEntries: 1000, maxBytes: 1 << 20, maxAgeMs: HOUR_MS })
  for (let i = 0; i < 5000; i++) cache.set(`key-${i}`, 'x'.repeat(50), 50)
  expect([cache.size, cache.bytes]).toEqual([1000, 50_000])
})
