import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface RawAnswer {
  readonly status: number
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Bytes as they are over a socket of their own, for requests no client library would send. Status 0: no answer. */
export async function sendRaw(
  url: string,
  request: string | readonly (string | Buffer)[],
  betweenMs = 0,
): Promise<RawAnswer> {
  const { socket, text } = open(url)
  for (const piece of typeof request === 'string' ? [request] : request) {
    socket.write(piece)
    if (betweenMs > 0) await sleep(betweenMs)
  }
  return parse(await text)
}

/** A connection that sends a request and then reads nothing. */
export function sendAndStall(url: string, request: string): Socket {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  socket.pause()
  socket.write(request)
  return socket
}

/** One POST of JSON as text. */
export function toRequest(url: string, path: string, body: string, headers: readonly string[] = []): string {
  const lines = [
    `POST ${path} HTTP/1.1`,
    `host: ${new URL(url).host}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    ...headers,
  ]
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

function open(url: string): { socket: Socket; text: Promise<string> } {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const text = new Promise<string>((resolve, reject) => {
    let received = ''
    const timer = setTimeout(() => socket.destroy(new Error(`no end of the answer: ${received.slice(0, 200)}`)), 10_000)
    socket.on('data', (chunk) => {
      received += chunk.toString()
      if (isWhole(received)) socket.end()
    })
    socket.once('close', () => {
      clearTimeout(timer)
      resolve(received)
    })
    // Whoever refuses a flood may reset the connection behind its answer.
    socket.once('error', (error) => (received === '' ? reject(error) : undefined))
  })
  return { socket, text }
}

function isWhole(text: string): boolean {
  const { headers, body, status } = parse(text)
  return (
    status >= 200 &&
    headers['content-length'] !== undefined &&
    Buffer.byteLength(body) >= Number(headers['content-length'])
  )
}

function parse(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n')
  const [first = '', ...lines] = text.slice(0, end < 0 ? undefined : end).split('\r\n')
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  })
  return {
    status: Number(first.split(' ')[1] ?? 0),
    headers: end < 0 ? {} : Object.fromEntries(headers),
    body: end < 0 ? '' : text.slice(end + 4),
  }
}
