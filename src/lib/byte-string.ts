/**
 * UTF-8 bytes held in a string, one character (U+0000–U+00FF) per byte.
 *
 * Streams are scanned and spliced in this form: a one-byte string has V8's fast `indexOf` and `slice`, its offsets are
 * byte offsets, and writing it with the `latin1` encoding puts back exactly the bytes that came in.
 */
export type ByteString = string & { readonly '~bytes': never }

export const NO_BYTES = '' as ByteString

// biome-ignore lint/suspicious/noControlCharactersInRegex: the class is "every ASCII character".
const ASCII = /^[\x00-\x7f]*$/

/** Text → its UTF-8 bytes. A lone surrogate becomes U+FFFD, as in every UTF-8 encoder. */
export function toBytes(text: string): ByteString {
  return (ASCII.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1')) as ByteString
}

/** UTF-8 bytes → text; a malformed sequence becomes U+FFFD. */
export function toText(bytes: ByteString): string {
  return ASCII.test(bytes) ? bytes : Buffer.from(bytes, 'latin1').toString('utf8')
}

export function bytesOf(buffer: Buffer): ByteString {
  return buffer.toString('latin1') as ByteString
}

const scratch = Buffer.allocUnsafeSlow(128 * 1024)

/** The bytes of several buffers in one piece, without a string for each of them. */
export function bytesOfAll(buffers: readonly Buffer[]): ByteString {
  const [only] = buffers
  if (buffers.length === 1 && only !== undefined) return bytesOf(only)
  let end = 0
  for (const { length } of buffers) end += length
  if (end > scratch.length) return bytesOf(Buffer.concat(buffers, end))
  end = 0
  for (const buffer of buffers) end += buffer.copy(scratch, end)
  return scratch.toString('latin1', 0, end) as ByteString
}

export function sliceBytes(bytes: ByteString, start: number, end?: number): ByteString {
  return bytes.slice(start, end) as ByteString
}

/** A byte string of its own: a slice would keep the whole string it was cut from alive. */
export function copyBytes(bytes: ByteString): ByteString {
  return bytesOf(Buffer.from(bytes, 'latin1'))
}

export function joinBytes(parts: readonly ByteString[]): ByteString {
  return parts.join('') as ByteString
}

/** JSON.stringify as bytes. */
export function jsonBytes(value: unknown): ByteString {
  return toBytes(JSON.stringify(value))
}
