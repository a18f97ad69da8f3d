/**
 * The backend of the benchmark: answers every POST with the same pre-built stream of text deltas, 25 events a write.
 * Prints its port. Arguments: number of deltas.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ev, item } from '../src/simulator/events.ts'

const EVENTS_PER_WRITE = 25
const deltas = Number(process.argv[2] ?? 300)

const events = streamOf(deltas).map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
const writes: Buffer[] = []
for (let i = 0; i < events.length; i += EVENTS_PER_WRITE) {
  writes.push(Buffer.from(events.slice(i, i + EVENTS_PER_WRITE).join('')))
}

const server = createServer((request, response) => {
  request.resume()
  if (request.method === 'GET') {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"models":[]}')
    return
  }
  request.once('end', () => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    writeFrom(0)
    function writeFrom(index: number): void {
      const bytes = writes[index]
      if (bytes === undefined) {
        response.end()
        return
      }
      response.write(bytes, () => setImmediate(writeFrom, index + 1))
    }
  })
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))

/** A whole, faithful turn with one message in `count` deltas. */
function streamOf(count: number): { type: string }[] {
  const deltas = Array.from({ length: count }, (_, i) => (i % 7 === 0 ? ' token' : ' bench'))
  const message = item.message(deltas.join(''))
  const open = item.message('', { status: 'in_progress', content: [] })
  return [ev.created(), ev.added(open), ...deltas.map((delta) => ev.text(delta)), ev.done(message), ev.completed()]
}
