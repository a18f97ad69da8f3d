import { subscribe } from 'node:diagnostics_channel'
import { type ClientHttp2Stream, constants } from 'node:http2'

type Waiting = (stream: ClientHttp2Stream) => void

let waiting: Waiting | undefined
let isSubscribed = false

/**
 * Shows the HTTP/2 stream that the caller is just about to open, if it opens one; to be called in the same turn of the
 * event loop. undici does not hand it out.
 */
export function onNextStream(take: Waiting): void {
  if (!isSubscribed) subscribe('http2.client.stream.created', onCreated)
  isSubscribed = true
  waiting = take
  queueMicrotask(() => {
    if (waiting === take) waiting = undefined
  })
}

/**
 * Tells the other side that the answer is not wanted any more, as the Codex CLI's HTTP library does. undici names no
 * reason, and says nothing at all while the request's body is still being sent.
 */
export function cancelStream(stream: ClientHttp2Stream): void {
  if (!stream.closed && !stream.destroyed) stream.close(constants.NGHTTP2_CANCEL)
}

function onCreated(message: unknown): void {
  // Node's documented message of this channel.
  waiting?.((message as { stream: ClientHttp2Stream }).stream)
  waiting = undefined
}
