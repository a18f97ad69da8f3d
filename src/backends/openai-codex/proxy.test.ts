import { expect, test } from 'vitest'
import { proxyFor } from './proxy.ts'

const settings = { httpProxy: 'http://plain:1', httpsProxy: 'http://secure:2', noProxy: '' }
const of = (url: string, noProxy = '') => proxyFor(new URL(url), { ...settings, noProxy })

test('O-01: each scheme has its own proxy; a bare host is an http proxy', () => {
  expect([of('https://chatgpt.com/'), of('http://chatgpt.com/')]).toEqual(['http://secure:2', 'http://plain:1'])
  expect(proxyFor(new URL('https://a.b'), { httpsProxy: 'proxy:3128' })).toBe('http://proxy:3128')
  expect([proxyFor(new URL('https://a.b'), {}), proxyFor(new URL('https://a.b'), { httpsProxy: '' })]).toEqual([
    undefined,
    undefined,
  ])
})

test('O-01: loopback is never proxied', () => {
  const urls = ['http://localhost:1', 'http://127.0.0.1', 'http://127.9.9.9', 'http://[::1]:2', 'https://x.localhost']
  expect(urls.map((url) => of(url))).toEqual(urls.map(() => undefined))
})

test.each([
  ['chatgpt.com', 'https://chatgpt.com', false],
  ['chatgpt.com', 'https://gov.chatgpt.com', false],
  ['.chatgpt.com', 'https://gov.chatgpt.com', false],
  ['*.chatgpt.com', 'https://gov.chatgpt.com', false],
  ['chatgpt.com', 'https://notchatgpt.com', true],
  ['a.b, CHATGPT.com', 'https://chatgpt.com', false],
  ['chatgpt.com:443', 'https://chatgpt.com', false],
  ['chatgpt.com:8443', 'https://chatgpt.com', true],
  ['chatgpt.com:8443', 'https://chatgpt.com:8443', false],
  ['*', 'https://chatgpt.com', false],
  ['2001:db8::1', 'http://[2001:db8::1]:80', false],
  ['[2001:db8::1]:80', 'http://[2001:db8::1]', false],
  ['10.0.0.1', 'http://10.0.0.1', false],
  [' , ,', 'https://chatgpt.com', true],
])('NO_PROXY=%s and %s: proxied %s', (noProxy, url, isProxied) => {
  expect(of(url, noProxy) !== undefined).toBe(isProxied)
})
