import { zstdDecompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { createCompress } from './compression.ts'

const body = JSON.stringify({ input: 'é'.repeat(10_000) })

test.each([
  ['auto', 'chatgpt.com', 'zstd'],
  ['auto', '127.0.0.1:1', undefined],
  ['zstd', '127.0.0.1:1', 'zstd'],
  ['none', 'chatgpt.com', undefined],
] as const)('%s towards %s: %s', async (mode, host, encoding) => {
  const packed = await createCompress(mode, host)(body)
  expect(packed.encoding).toBe(encoding)
  if (encoding === undefined) expect(packed.body).toBe(body)
  else expect(zstdDecompressSync(packed.body).toString()).toBe(body)
})
