import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../turn/errors.ts'
import { readBodyBytes } from './read-json-body.ts'

export function isForm({ headers }: IncomingMessage): boolean {
  return /^multipart\/form-data\s*(?:;|$)/i.test(headers['content-type'] ?? '')
}

/**
 * Reads a `multipart/form-data` body with the parser that Node brings.
 * @param maxBytes limit after decoding
 * @throws GatewayError `unsupported_media_type`, `request_too_large`, or 400
 */
export async function readFormBody(request: IncomingMessage, maxBytes: number): Promise<FormData> {
  if (!isForm(request)) {
    throw new GatewayError('unsupported_media_type', 'Send the body as "content-type: multipart/form-data".')
  }
  const bytes = await readBodyBytes(request, maxBytes)
  const headers = { 'content-type': request.headers['content-type'] ?? '' }
  try {
    return await new Response(new Uint8Array(bytes), { headers }).formData()
  } catch (error) {
    throw new GatewayError('invalid_request', 'The body is no whole multipart/form-data of the boundary it names.', {
      cause: error,
    })
  }
}
