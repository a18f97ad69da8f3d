/**
 * The backend of the session benchmark, over both transports: every turn calls a tool, and what comes in is counted.
 * `GET /bytes` tells how much it was. Prints its port. Argument: `socket`, or `http` to refuse upgrades.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import { ev, item, numbered, type RawEvent } from '../src/simulator/events.ts'

const DELTAS = 20
let bytes = 0
let turns = 0

const server = createServer((request, response) => {
  if (request.method === 'GET') {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(request.url === '/bytes' ? String(bytes) : '{"models":[{"slug":"gpt-5.5"}]}')
    return
  }
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
  })
  request.once('end', () => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.end(
      turn()
        .map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
        .join(''),
    )
  })
})

const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false })
server.on('upgrade', (request, socket, head) => {
  if (process.argv[2] === 'http') socket.end('HTTP/1.1 426 Upgrade Required\r\ncontent-length: 0\r\n\r\n')
  else sockets.handleUpgrade(request, socket, head, serve)
})
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))

function serve(socket: WebSocket): void {
  socket.on('message', (data: Buffer) => {
    bytes += data.length
    const isWarmUp = data.includes('"generate":false')
    const events = isWarmUp ? numbered([ev.created(id()), ev.completed(id())]) : turn()
    for (const event of events) socket.send(JSON.stringify(event))
  })
}

function id(): string {
  return `resp_${turns}`
}

/** A sentence, then a call of the tool. */
function turn(): RawEvent[] {
  turns += 1
  const words = Array.from({ length: DELTAS }, (_, i) => ` word${i}`)
  const call = { itemId: `fc_${turns}`, outputIndex: 1 }
  return numbered([
    ev.created(id()),
    ev.added(item.message('', { status: 'in_progress', content: [] })),
    ...words.map((word) => ev.text(word)),
    ev.done(item.message(words.join(''))),
    ev.toolCall('read', `call_${turns}`, call),
    ev.toolDone('read', '{"path":"a.ts"}', `call_${turns}`, call),
    ev.completed(id()),
  ])
}
