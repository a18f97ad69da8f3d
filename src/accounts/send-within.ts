import { abortable } from './abortable.ts'
import type { OAuthRequest, OAuthResponse, OAuthSend } from './oauth.ts'

/** Sends on behalf of every request that waits for the answer, so no single one can take it back. */
export async function sendWithin(send: OAuthSend, request: OAuthRequest, timeoutMs: number): Promise<OAuthResponse> {
  const timeout = new AbortController()
  const timer = setTimeout(() => timeout.abort(new Error('No answer in time.')), timeoutMs)
  try {
    return await abortable(send(request, timeout.signal), timeout.signal)
  } finally {
    clearTimeout(timer)
  }
}
