import { expect, test } from 'vitest'
import { CookieJar } from './cookies.ts'

test('only the names of the edge are kept, in the order they came', () => {
  const jar = new CookieJar()
  jar.keep('a', [
    '__cf_bm=one==; path=/; HttpOnly; Secure',
    'session=secret; path=/',
    '__Secure-next-auth.session-token=x',
    'oai-did=1',
    ' cf_chl_rc_i = 2 ;path=/',
    '_cfuvid=3',
    'cf_clearance=4; Domain=.chatgpt.com',
    '__cflb=5',
  ])
  expect(jar.header('a')).toBe('__cf_bm=one==; cf_chl_rc_i=2; _cfuvid=3; cf_clearance=4; __cflb=5')
})

test('accounts do not share cookies', () => {
  const jar = new CookieJar()
  jar.keep('a', ['__cf_bm=a'])
  jar.keep('b', ['__cf_bm=b'])
  expect([jar.header('a'), jar.header('b'), jar.header('c')]).toEqual(['__cf_bm=a', '__cf_bm=b', undefined])
})

test('a newer value replaces, an emptied or expired one removes', () => {
  let nowMs = Date.UTC(2026, 10, 23)
  const jar = new CookieJar(() => nowMs)
  jar.keep('a', ['__cf_bm=1; Max-Age=1800', '_cfuvid=1', '__cflb=1; expires=Mon, 23 Nov 2026 01:00:00 GMT'])
  jar.keep('a', ['__cf_bm=2; Max-Age=1800'])
  expect(jar.header('a')).toBe('__cf_bm=2; _cfuvid=1; __cflb=1')
  jar.keep('a', ['_cfuvid=; Max-Age=0'])
  expect(jar.header('a')).toBe('__cf_bm=2; __cflb=1')
  nowMs += 1_800_000
  expect(jar.header('a')).toBe('__cflb=1')
  nowMs += 1_800_000
  expect(jar.header('a')).toBeUndefined()
})

test('number and size of cookies are capped, and a value cannot carry anything but itself', () => {
  const jar = new CookieJar()
  jar.keep('a', ['__cf_bm=a b', '__cflb="q"', `_cfuvid=${'x'.repeat(5000)}`])
  expect(jar.header('a')).toBeUndefined()
  jar.keep(
    'a',
    Array.from({ length: 100 }, (_, i) => `cf_chl_${i}=1`),
  )
  expect(jar.header('a')?.split('; ').length).toBe(20)
})
