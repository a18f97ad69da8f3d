import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import { SendError } from '../../../lib/send-error.ts'
import { GatewayError } from '../../../turn/errors.ts'
import { type ProxySettings, proxyFor } from '../proxy.ts'
import { toCancelled } from '../response-body.ts'
import { createTunnel } from './tunnel.ts'

export interface UpgradeRequest {
  /** The responses URL, http or https. */
  readonly url: string
  /** Sent in this order behind the headers that make it an upgrade. */
  readonly headers: readonly (readonly [string, string])[]
  readonly timeoutMs: number
  readonly proxy: ProxySettings
}

export interface UpgradeAnswer {
  readonly status: number
  /** Lower-case names; repeated ones joined, but for `set-cookie`. */
  readonly headers: Readonly<Record<string, string>>
  readonly setCookies: readonly string[]
}

/** A WebSocket that shows what it runs over. */
export class BackendSocket extends WebSocket {
  /** Undefined before the upgrade. */
  connection: Pick<Socket, 'ref' | 'unref'> | undefined
}

export type Upgraded =
  | { readonly socket: BackendSocket; readonly answer: UpgradeAnswer }
  | { readonly socket: undefined; readonly answer: UpgradeAnswer; readonly bodyText: string }

/** Answers of the backend may be as large as one event over HTTP may be. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024
const MAX_REFUSAL_BYTES = 1024 * 1024

/**
 * Asks for a WebSocket. A refusal is an answer like any other: its status decides what to do next.
 * @throws GatewayError `upstream_unreachable`, `upstream_timeout` or `cancelled`
 */
export async function upgrade(request: UpgradeRequest, signal: AbortSignal): Promise<Upgraded> {
  const url = new URL(request.url.replace(/^http/, 'ws'))
  if (signal.aborted) throw toCancelled(signal, { host: url.host, reached: false })
  const giveUp = new AbortController()
  const socket = new BackendSocket(url, {
    perMessageDeflate: {},
    skipUTF8Validation: true,
    maxPayload: MAX_MESSAGE_BYTES,
    followRedirects: false,
    finishRequest: (outgoing) => sendInOrder(outgoing, request.headers),
    ...proxied(request, url, giveUp.signal),
  })
  const { promise, resolve, reject } = Promise.withResolvers<Upgraded>()
  let answer: UpgradeAnswer = { status: 101, headers: {}, setCookies: [] }
  socket.once('upgrade', (response: IncomingMessage) => {
    answer = toAnswer(response)
    socket.connection = response.socket
  })
  socket.once('open', () => resolve({ socket, answer }))
  socket.once('unexpected-response', (_outgoing: ClientRequest, response: IncomingMessage) => {
    readText(response).then((bodyText) => resolve({ socket: undefined, answer: toAnswer(response), bodyText }), reject)
  })
  // Stays: a socket without a listener for its errors ends the process.
  socket.on('error', (error) => reject(toUnreachable(url, error)))

  const onAbort = () => reject(toCancelled(signal, { host: url.host, reached: false }))
  signal.addEventListener('abort', onAbort, { once: true })
  const timer = setTimeout(() => reject(toTimeout(url, request.timeoutMs)), request.timeoutMs)
  try {
    return await promise
  } catch (error) {
    giveUp.abort()
    socket.terminate()
    throw error
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}

function proxied({ proxy, url }: UpgradeRequest, target: URL, signal: AbortSignal) {
  const through = proxyFor(new URL(url), proxy)
  return through === undefined ? {} : { createConnection: createTunnel(new URL(through), target, signal) }
}

/** The CLI's order: what makes it an upgrade, our headers, the extensions (upstream.md §2). */
function sendInOrder(outgoing: ClientRequest, headers: UpgradeRequest['headers']): void {
  const own = ['Connection', 'Upgrade', 'Sec-WebSocket-Version', 'Sec-WebSocket-Key']
  const ordered = [['Host', outgoing.getHeader('host')], ...own.map((name) => [name, outgoing.getHeader(name)])]
  const extensions = outgoing.getHeader('sec-websocket-extensions')
  for (const name of outgoing.getHeaderNames()) outgoing.removeHeader(name)
  for (const [name, value] of [...ordered, ...headers, ['sec-websocket-extensions', extensions]]) {
    if (name !== undefined && value !== undefined) outgoing.setHeader(String(name), value as string)
  }
  outgoing.end()
}

function toAnswer(response: IncomingMessage): UpgradeAnswer {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined && name !== 'set-cookie') headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return { status: response.statusCode ?? 0, headers, setCookies: response.headers['set-cookie'] ?? [] }
}

/** Whatever cuts the body short must not hide the status. */
async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let total = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      total += chunk.length
      if (total > MAX_REFUSAL_BYTES) break
    }
  } catch {
    // Read as far as it went.
  }
  response.destroy()
  return Buffer.concat(chunks).toString('utf8')
}

function toUnreachable({ host }: URL, error: Error): GatewayError {
  return new GatewayError('upstream_unreachable', `${host} could not be reached over WebSocket (${error.message}).`, {
    cause: new SendError(error.message, { reached: false, host, cause: error }),
  })
}

function toTimeout({ host }: URL, timeoutMs: number): GatewayError {
  return new GatewayError('upstream_timeout', `${host} did not answer the upgrade within ${timeoutMs / 1000} s.`, {
    cause: new SendError('no upgrade', { reached: false, host }),
  })
}
