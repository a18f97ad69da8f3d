import { HttpClient } from '../../src/backends/openai-codex/http-client.ts'
import { SocketTransport } from '../../src/backends/openai-codex/websocket/socket-transport.ts'
import { readAll, socketTurnRequest } from './socket-request.ts'

/** A process of its own: one turn over WebSocket, whose connection is left open. The argument is the responses URL. */
const transport = new SocketTransport({ client: new HttpClient(), mode: 'auto', proxy: {} })
const turn = await transport.open(socketTurnRequest(process.argv[2] ?? '', 'one'), new AbortController().signal)
await readAll(turn)
process.stdout.write(turn.stats.transport)
