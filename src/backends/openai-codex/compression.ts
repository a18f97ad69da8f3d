import { promisify } from 'node:util'
import { zstdCompress } from 'node:zlib'

const compress = promisify(zstdCompress)

export interface Packed {
  readonly body: Buffer | string
  readonly encoding: 'zstd' | undefined
}

/** Request bodies as the CLI sends them: zstd to ChatGPT, plain elsewhere (upstream.md §0). */
export function createCompress(mode: 'auto' | 'zstd' | 'none', host: string): (body: string) => Promise<Packed> {
  const isOn = mode === 'zstd' || (mode === 'auto' && host === 'chatgpt.com')
  return async (body) => (isOn ? { body: await compress(body), encoding: 'zstd' } : { body, encoding: undefined })
}
