/** The yardstick of the session: the least a Node process can do between two WebSockets. Prints its port. Argument: upstream port. */
import type { AddressInfo } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false })
server.on('connection', (client) => {
  const upstream = new WebSocket(`ws://127.0.0.1:${process.argv[2]}/responses`, { perMessageDeflate: false })
  client.on('message', (data: Buffer) => upstream.send(data, { binary: false }))
  upstream.on('message', (data: Buffer) => client.send(data, { binary: false }))
  upstream.on('open', () => client.send('{"type":"open"}'))
})
server.on('listening', () => console.log((server.address() as AddressInfo).port))
