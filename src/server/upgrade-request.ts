import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'

/** True for a request that asks for a WebSocket, and for nothing else. */
export function asksForWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.upgrade?.trim().toLowerCase() === 'websocket'
}

/**
 * Lets a request go on as if it had asked for no upgrade, which a server may ignore (RFC 9110 §7.8). Java's HTTP client
 * asks for HTTP/2 with every first request. Node before 24.9 knows no `shouldUpgradeCallback`: it takes the connection
 * out of HTTP for any such wish, the body still unread.
 * @param head what had been read behind the request's head
 */
export function ignoreUpgrade(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const { method, url, httpVersion, rawHeaders } = request
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? ''
    const value = rawHeaders[index + 1] ?? ''
    if (/^upgrade$/i.test(name)) continue
    const kept = /^connection$/i.test(name) ? withoutUpgrade(value) : value
    if (kept !== undefined) lines.push(`${name}: ${kept}`)
  }
  socket.unshift(head)
  socket.unshift(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'))
  server.emit('connection', socket)
}

function withoutUpgrade(connection: string): string | undefined {
  const options = connection.split(',').map((option) => option.trim())
  const kept = options.filter((option) => !/^upgrade$/i.test(option))
  return kept.length === 0 ? undefined : kept.join(', ')
}
