/** The yardstick: the least a Node process can do between two sockets. Prints its port. Argument: upstream port. */
import { Agent, createServer, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'

const port = Number(process.argv[2])
const agent = new Agent({ keepAlive: true })

const server = createServer((request, response) => {
  const upstream = send(
    { port, host: '127.0.0.1', method: request.method ?? 'POST', path: '/responses', agent },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, { 'content-type': answer.headers['content-type'] ?? '' })
      answer.pipe(response)
    },
  )
  request.pipe(upstream)
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))
