import type { IncomingMessage } from 'node:http'
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib'

const DECODERS: Record<string, (bytes: Buffer) => Buffer> = {
  zstd: zstdDecompressSync,
  gzip: gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
}

/** The whole body, unpacked. */
export async function readBody(
  request: IncomingMessage,
): Promise<{ text: string; encoding: string | undefined; bytesReceived: number }> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const bytes = Buffer.concat(chunks)
  const encoding = request.headers['content-encoding']
  const decode = encoding === undefined ? undefined : DECODERS[encoding]
  const text = (decode === undefined ? bytes : decode(bytes)).toString('utf8')
  return { text, encoding, bytesReceived: bytes.length }
}
