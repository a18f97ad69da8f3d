import { subscribe } from 'node:diagnostics_channel'

interface Send {
  /** Requests the connection has carried, this one included. */
  readonly count: number
  readonly bytesReadBefore: number
}

const sends = new WeakMap<object, Send>()
let isSubscribed = false

/** From now on it is known of every HTTP/1.1 connection what it had read when its last request was written. */
export function watchSends(): void {
  if (!isSubscribed) subscribe('undici:client:sendHeaders', onSend)
  isSubscribed = true
}

/** True if the connection had answered before and has been silent since its last request was written: it was dead by then. */
export function diedIdle(socket: { readonly bytesRead: number }): boolean {
  const last = sends.get(socket)
  return last !== undefined && last.count > 1 && last.bytesReadBefore === socket.bytesRead
}

function onSend(message: unknown): void {
  // undici's documented message of this channel; over HTTP/2 nobody asks.
  const { socket } = message as { socket: { readonly bytesRead: number } }
  sends.set(socket, { count: (sends.get(socket)?.count ?? 0) + 1, bytesReadBefore: socket.bytesRead })
}
