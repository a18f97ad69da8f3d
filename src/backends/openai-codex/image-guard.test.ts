import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { isPublicAddress, parseImageTarget, publicLookup } from './image-guard.ts'

test.each([
  ['8.8.8.8', true],
  ['93.184.216.34', true],
  ['2606:4700::1111', true],
  ['::ffff:8.8.8.8', true],
  ['0.0.0.0', false],
  ['10.0.0.1', false],
  ['100.64.0.1', false],
  ['127.0.0.1', false],
  ['127.255.255.254', false],
  ['169.254.169.254', false],
  ['172.16.0.1', false],
  ['192.0.2.1', false],
  ['192.168.1.1', false],
  ['198.18.0.1', false],
  ['224.0.0.1', false],
  ['240.0.0.1', false],
  ['255.255.255.255', false],
  ['::', false],
  ['::1', false],
  ['::7f00:1', false],
  ['::ffff:127.0.0.1', false],
  ['::ffff:10.0.0.1', false],
  ['::ffff:0:127.0.0.1', false],
  ['64:ff9b::7f00:1', false],
  ['2002:7f00:1::', false],
  ['2001:0:53aa:64c::1', false],
  ['2001:db8::1', false],
  ['fc00::1', false],
  ['fd12::1', false],
  ['fe80::1', false],
  ['fe80::1%eth0', false],
  ['fec0::1', false],
  ['ff02::1', false],
  ['100::1', false],
  ['4000::1', false],
  ['localhost', false],
  ['', false],
])('T-03: address %s is public: %s', (address, isPublic) => {
  expect(isPublicAddress(address)).toBe(isPublic)
})

test.each([
  ['https://example.com/a.png', undefined],
  ['https://8.8.8.8/a.png', undefined],
  ['http://example.com/a.png', 'only https: and data: URLs are allowed'],
  ['ftp://example.com/a.png', 'only https: and data: URLs are allowed'],
  ['file:///etc/passwd', 'only https: and data: URLs are allowed'],
  ['https://127.0.0.1/a.png', 'its address is not a public one'],
  ['https://2130706433/', 'its address is not a public one'],
  ['https://0x7f.1/', 'its address is not a public one'],
  ['https://[::1]/a.png', 'its address is not a public one'],
  ['https://[::ffff:10.0.0.1]/', 'its address is not a public one'],
  ['https://user:secret@example.com/', 'its URL holds a user name or password'],
  ['file-abc', 'it is no valid URL'],
])('T-03: %s: %s', (url, refusal) => {
  if (refusal === undefined) expect(parseImageTarget(url, [])).toEqual({ url: new URL(url), isExempt: false })
  else expect(() => parseImageTarget(url, [])).toThrow(refusal)
})

test.each([
  ['http://127.0.0.1:8080/a', ['127.0.0.1'], true],
  ['http://127.0.0.1:8080/a', ['127.0.0.1:8080'], true],
  ['http://127.0.0.1:8081/a', ['127.0.0.1:8080'], false],
  ['https://images.local/a', ['IMAGES.local:443'], true],
  ['http://images.local/a', ['images.local:443'], false],
  ['http://images.local/a', ['images.local:80'], true],
  ['http://evil.images.local/a', ['images.local'], false],
  ['ftp://images.local/a', ['images.local'], false],
])('T-02: %s with the exempt hosts %j: %s', (url, exempt, isExempt) => {
  if (isExempt) expect(parseImageTarget(url, exempt).isExempt).toBe(true)
  else expect(() => parseImageTarget(url, exempt)).toThrow()
})

test('T-03: a name is refused for what it resolves to', async () => {
  const resolve = promisify(publicLookup) as (host: string, options: { all: boolean }) => Promise<unknown>
  await expect(resolve('localhost', { all: true })).rejects.toThrow('its address is not a public one')
  await expect(resolve('localhost', { all: false })).rejects.toThrow('its address is not a public one')
})
