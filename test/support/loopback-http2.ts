import { readFileSync } from 'node:fs'
import { createSecureServer, type Http2Session, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'

const DIRECTORY = join(import.meta.dirname, '..', 'fixtures', 'tls')
/** Key and certificate for `localhost`, 127.0.0.1 and the hosts of the default configuration. */
export const TEST_IDENTITY = {
  key: readFileSync(join(DIRECTORY, 'key.pem'), 'utf8'),
  cert: readFileSync(join(DIRECTORY, 'cert.pem'), 'utf8'),
}

export interface SeenStream {
  readonly headers: IncomingHttpHeaders
  /** Names and values in turn, pseudo-headers included. */
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
  readonly session: Http2Session
  /** Resolves when the client has given the stream up. */
  readonly left: Promise<number>
}

export type AnswerStream = (stream: ServerHttp2Stream, seen: SeenStream, index: number) => void

export interface Http2Loopback extends AsyncDisposable {
  readonly url: string
  readonly host: string
  readonly port: number
  readonly streams: readonly SeenStream[]
  readonly sessions: readonly Http2Session[]
}

/** Makes this process trust the tests' certificate. */
export function trustTestCertificate(): void {
  setDefaultCACertificates([...getCACertificates('default'), TEST_IDENTITY.cert])
}

/** A server of this test's own that speaks HTTP/2 over TLS; it reads every request whole and then calls `answer`. */
export async function listenHttp2(answer: AnswerStream): Promise<Http2Loopback> {
  const streams: SeenStream[] = []
  const sessions: Http2Session[] = []
  const sockets = new Set<Socket>()
  const server = createSecureServer(TEST_IDENTITY)
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  server.on('session', (session) => {
    session.on('error', () => {})
    sessions.push(session)
  })
  server.on('stream', async (stream: ServerHttp2Stream, headers, _flags, rawHeaders: string[]) => {
    const left = Promise.withResolvers<number>()
    stream.on('error', () => {})
    stream.once('aborted', () => left.resolve(performance.now()))
    const chunks: Buffer[] = []
    const { session } = stream
    try {
      for await (const chunk of stream) chunks.push(chunk)
    } catch {
      return
    }
    if (session === undefined) return
    const seen = { headers, rawHeaders, body: Buffer.concat(chunks), session, left: left.promise }
    streams.push(seen)
    answer(stream, seen, streams.length - 1)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `https://127.0.0.1:${port}`,
    host: `127.0.0.1:${port}`,
    port,
    streams,
    sessions,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const session of sessions) session.destroy()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
