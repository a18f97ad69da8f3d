import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'
import { isObject, type JsonObject } from '../lib/json.ts'
import { GatewayError } from '../turn/errors.ts'

const DECODERS = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
}

/**
 * Reads a POST body as a JSON object (connector.md §13.2, §14).
 * @param maxBytes limit after decoding
 * @throws GatewayError `unsupported_media_type`, `request_too_large`, `invalid_json`
 */
export async function readJsonBody(request: IncomingMessage, maxBytes: number): Promise<JsonObject> {
  const mediaType = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (!/^application\/(?:[\w.+-]+\+)?json$/.test(mediaType)) {
    throw new GatewayError('unsupported_media_type', 'Send the body as JSON with "content-type: application/json".')
  }
  return parseJsonBytes(await readBodyBytes(request, maxBytes), 'body')
}

/** The whole body, unpacked. @throws GatewayError `request_too_large`, `unsupported_media_type`, `invalid_json` */
export async function readBodyBytes(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes)
  const chunks: Buffer[] = []
  let total = 0
  const source = decoded(request)
  try {
    await consume(source, (chunk) => {
      total += chunk.length
      if (total > maxBytes) throw tooLarge(maxBytes)
      chunks.push(chunk)
    })
  } catch (error) {
    discardRest(request)
    if (source !== request) source.destroy()
    if (error instanceof GatewayError) throw error
    if (request.destroyed && !request.complete) {
      throw new GatewayError('cancelled', 'The client closed the connection while sending its body.', { cause: error })
    }
    throw new GatewayError('invalid_json', 'The body could not be unpacked with the content-encoding it names.', {
      cause: error,
    })
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, total)
}

/** An unread rest would block the connection: the answer is heard, but never the client's next request or its leaving. */
function discardRest(request: IncomingMessage): void {
  request.unpipe()
  // Listeners that have just gone still hold it back in this tick.
  setImmediate(() => request.resume())
}

/** Events cost a fraction of what a stream's own iterator does. What `take` throws ends it; the rest stays unread. */
function consume(source: Readable, take: (chunk: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer) => {
      try {
        take(chunk)
      } catch (error) {
        source.off('data', onData).pause()
        reject(error)
      }
    }
    source.on('data', onData)
    source.once('end', resolve)
    source.once('error', reject)
    source.once('close', () => {
      if (!source.readableEnded) reject(new Error('closed early'))
    })
  })
}

function decoded(request: IncomingMessage): Readable {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase()
  if (encoding === 'identity' || encoding === '') return request
  if (!isKnownEncoding(encoding)) {
    throw new GatewayError(
      'unsupported_media_type',
      `Unknown content-encoding. Known: ${Object.keys(DECODERS).join(', ')}.`,
    )
  }
  const decoder = DECODERS[encoding]()
  request.on('error', (error) => decoder.destroy(error))
  request.on('aborted', () => decoder.destroy(new Error('aborted')))
  return request.pipe(decoder)
}

function isKnownEncoding(name: string): name is keyof typeof DECODERS {
  return Object.hasOwn(DECODERS, name)
}

const decoder = new TextDecoder('utf-8', { fatal: true })

/** @throws GatewayError `invalid_json` */
export function parseJsonBytes(bytes: Buffer, name: 'body' | 'message'): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(decoder.decode(bytes))
  } catch (error) {
    // V8's message quotes the body, which may hold anything: only the place is passed on.
    const place =
      error instanceof SyntaxError ? /position \d+(?: \(line \d+ column \d+\))?/.exec(error.message)?.[0] : undefined
    const what = error instanceof TypeError ? `The ${name} is not valid UTF-8.` : `The ${name} is not valid JSON`
    throw new GatewayError(
      'invalid_json',
      error instanceof TypeError ? what : `${what}${place === undefined ? '' : ` (at ${place})`}.`,
    )
  }
  if (isObject(value)) return value
  throw new GatewayError('invalid_json', `The ${name} must be a JSON object.`)
}

function tooLarge(maxBytes: number): GatewayError {
  return new GatewayError(
    'request_too_large',
    `The body is larger than ${maxBytes} bytes. The limit is the setting server.max_body_bytes.`,
    // The rest of it is not read.
    { headers: { connection: 'close' } },
  )
}
