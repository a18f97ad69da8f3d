import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createSocketServer, type Server, type Socket } from 'node:net'

export interface Seen {
  readonly method: string
  readonly url: string
  readonly rawHeaders: readonly string[]
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
  /** Resolves when the client has gone before the answer was complete. */
  readonly left: Promise<number>
}

export interface Loopback extends AsyncDisposable {
  readonly url: string
  readonly host: string
  readonly requests: readonly Seen[]
  /** Connections accepted so far. */
  connections(): number
}

export type Answer = (request: Seen, response: ServerResponse, index: number) => void | Promise<void>

/** A server of this test's own on a free loopback port; it records every request whole and then calls `answer`. */
export async function listen(answer: Answer): Promise<Loopback> {
  const requests: Seen[] = []
  const listener: RequestListener = async (request, response) => {
    const left = Promise.withResolvers<number>()
    response.on('close', () => {
      if (!response.writableFinished) left.resolve(performance.now())
    })
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { method = '', url = '', rawHeaders, headers } = request
    const seen = { method, url, rawHeaders, headers, body: Buffer.concat(chunks), left: left.promise }
    requests.push(seen)
    await answer(seen, response, requests.length - 1)
  }
  const server = createServer(listener)
  return { ...(await open(server)), requests }
}

/** A server below HTTP. */
export async function listenRaw(
  onSocket: (socket: Socket, index: number) => void,
): Promise<Omit<Loopback, 'requests'>> {
  let count = 0
  const server = createSocketServer((socket) => {
    socket.on('error', () => {})
    onSocket(socket, count++)
  })
  return open(server)
}

/** A port nobody listens on. */
export async function closedPort(): Promise<number> {
  const { url, [Symbol.asyncDispose]: close } = await listenRaw(() => {})
  await close()
  return Number(new URL(url).port)
}

async function open(server: Server): Promise<Omit<Loopback, 'requests'>> {
  const sockets = new Set<Socket>()
  let connections = 0
  server.on('connection', (socket: Socket) => {
    connections += 1
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: `http://${host}`,
    host,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
