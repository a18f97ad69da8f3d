import type { IncomingMessage } from 'node:http'
import { onTestFinished } from 'vitest'
import { type ClientOptions, WebSocket } from 'ws'
import type { JsonObject } from '../../src/lib/json.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import { BODY, signedIn } from './simulator.ts'

const ENDS = ['response.completed', 'response.done', 'response.incomplete', 'response.failed', 'error']

/** Headers of a signed-in upgrade. */
export function upgradeHeaders(simulator: Simulator): Record<string, string> {
  const { 'content-type': _, ...headers } = signedIn(simulator)
  return { ...headers, 'openai-beta': 'responses_websockets=2026-02-06' }
}

/** The least a message needs. */
export function toMessage(fields: JsonObject = {}): JsonObject {
  const { stream, ...body } = BODY
  return { type: 'response.create', ...body, ...fields }
}

/** A WebSocket to the simulator or to the gateway. */
export class SocketClient {
  readonly socket: WebSocket
  /** Everything received, parsed. */
  readonly received: JsonObject[] = []
  /** The close code, once there is one. */
  readonly closed: Promise<number>
  #read = 0

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data) => this.received.push(JSON.parse(String(data))))
    socket.on('error', () => {})
    this.closed = new Promise((resolve) => socket.once('close', resolve))
  }

  static async open(
    simulator: Simulator,
    headers = upgradeHeaders(simulator),
    options: ClientOptions = {},
  ): Promise<SocketClient> {
    return SocketClient.connect(`${simulator.baseUrl}/responses`, { headers, ...options })
  }

  /** @param url http */
  static async connect(url: string, options: ClientOptions = {}): Promise<SocketClient> {
    const client = new SocketClient(new WebSocket(url.replace(/^http/, 'ws'), { perMessageDeflate: false, ...options }))
    await new Promise((resolve, reject) => {
      client.socket.once('open', resolve)
      client.socket.once('error', reject)
    })
    onTestFinished(() => client.socket.terminate())
    return client
  }

  /** Sends a message and waits for the last event of its answer, or the end of the connection. */
  async ask(fields: JsonObject = {}): Promise<JsonObject[]> {
    this.send(toMessage(fields))
    return this.answer()
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message))
  }

  /** What came since the last answer, up to the end of this one. */
  async answer(): Promise<JsonObject[]> {
    for (;;) {
      const unread = this.received.slice(this.#read)
      const end = unread.findIndex(({ type }) => ENDS.includes(String(type)))
      if (end !== -1 || this.socket.readyState === WebSocket.CLOSED) {
        const events = end === -1 ? unread : unread.slice(0, end + 1)
        this.#read += events.length
        return events
      }
      await new Promise<void>((resolve) => {
        const settle = () => {
          this.socket.off('message', settle)
          this.socket.off('close', settle)
          resolve()
        }
        this.socket.on('message', settle)
        this.socket.on('close', settle)
      })
    }
  }
}

/** The id of the response that events belong to. */
export function responseIdOf(events: readonly JsonObject[]): string {
  const { response } = events.at(-1) as { response: { id: string } }
  return response.id
}

/** An upgrade that is expected to be refused: status and body. */
export async function refusedUpgrade(
  simulator: Simulator,
  headers = upgradeHeaders(simulator),
  path = '/backend-api/codex/responses',
): Promise<RefusedUpgrade> {
  return refusedAt(simulator.url + path, headers)
}

export interface RefusedUpgrade {
  readonly status: number | undefined
  readonly body: unknown
  readonly headers: IncomingMessage['headers']
}

/** The same for any http address. */
export async function refusedAt(url: string, headers: Record<string, string> = {}): Promise<RefusedUpgrade> {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), { headers })
  onTestFinished(() => socket.terminate())
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    socket.once('unexpected-response', (_request, message) => resolve(message))
    socket.once('open', () => reject(new Error('the upgrade was accepted')))
    socket.once('error', reject)
  })
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString()
  return { status: response.statusCode, body: text === '' ? '' : JSON.parse(text), headers: response.headers }
}
