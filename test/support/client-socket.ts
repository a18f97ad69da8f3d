import type { ClientOptions } from 'ws'
import type { JsonObject } from '../../src/lib/json.ts'
import { RESPONSES } from './ask.ts'
import { type Running, type StartOptions, startGateway } from './gateway.ts'
import { SocketClient } from './socket-client.ts'

/** As the Codex CLI introduces itself. */
export const CLI = { 'user-agent': 'codex_exec/0.169.0 (Debian 12.0.0; x86_64)', originator: 'codex_exec' }

/** A client's WebSocket to the gateway. */
export function openSocket({ url }: Pick<Running, 'url'>, options: ClientOptions = {}): Promise<SocketClient> {
  return SocketClient.connect(url + RESPONSES, options)
}

/** A gateway, and one client connected to it. */
export async function startWithSocket(options: StartOptions = {}, client: ClientOptions = {}) {
  const gateway = await startGateway(options)
  return { gateway, socket: await openSocket(gateway, client) }
}

/** The answer to one message; a string is the prompt. */
export function askOver(socket: SocketClient, fields: JsonObject | string): Promise<JsonObject[]> {
  const body = typeof fields === 'string' ? { input: fields } : fields
  socket.send({ type: 'response.create', model: 'gpt-5.5', ...body })
  return socket.answer()
}

/** The only event of an answer that is a failure. */
export async function refusalOver(socket: SocketClient, fields: JsonObject | string): Promise<JsonObject> {
  const [only, ...more] = await askOver(socket, fields)
  if (only?.type !== 'error' || more.length > 0) throw new Error(`no error: ${JSON.stringify([only, ...more])}`)
  return only
}
