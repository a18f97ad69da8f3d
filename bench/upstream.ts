/**
 * The backend of the benchmark: answers every POST with a pre-built stream, chosen by a word `bench-<name>` in the body,
 * so that it is reached whatever a target makes of the request. Prints its port. Argument: number of text deltas.
 */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ev, item, numbered, type RawEvent } from '../src/simulator/events.ts'
import { PACE_MS, PACED_DELTAS } from './scenario.ts'

const EVENTS_PER_WRITE = 25
const ARGUMENT_DELTAS = 100
/** Events of a text turn ahead of its first delta. */
const BEFORE_DELTAS = 4

const deltas = Number(process.argv[2] ?? 300)
const answers: Readonly<Record<string, readonly Buffer[]>> = {
  text: toWrites(textTurn(deltas), EVENTS_PER_WRITE),
  short: toWrites(textTurn(5), EVENTS_PER_WRITE),
  tools: toWrites(toolTurn(), EVENTS_PER_WRITE),
  paced: toWrites(textTurn(PACED_DELTAS), 1),
  idle: toWrites(textTurn(1).slice(0, BEFORE_DELTAS + 1), BEFORE_DELTAS + 1),
}

const server = createServer((request, response) => {
  if (request.method === 'GET') {
    request.resume()
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"models":[{"slug":"gpt-5.5"}]}')
    return
  }
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.once('end', () => {
    const name = /bench-(\w+)/.exec(Buffer.concat(chunks).toString('latin1'))?.[1] ?? 'text'
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const writes = answers[name] ?? []
    if (name === 'paced') pace(response, writes)
    else if (name === 'idle') response.write(writes[0])
    else writeFrom(response, writes, 0)
  })
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))

function writeFrom(response: ServerResponse, writes: readonly Buffer[], index: number): void {
  const bytes = writes[index]
  if (bytes === undefined) response.end()
  else response.write(bytes, () => setImmediate(() => writeFrom(response, writes, index + 1)))
}

/** Everything up to the first delta at once, then one event each pace. */
function pace(response: ServerResponse, writes: readonly Buffer[]): void {
  response.write(Buffer.concat(writes.slice(0, BEFORE_DELTAS)))
  let next = BEFORE_DELTAS
  const timer = setInterval(() => {
    const bytes = writes[next]
    next += 1
    if (bytes !== undefined && !response.destroyed) response.write(bytes)
    if (next < writes.length && !response.destroyed) return
    clearInterval(timer)
    response.end()
  }, PACE_MS)
}

/** A whole, faithful turn with one message in `count` deltas. */
function textTurn(count: number): RawEvent[] {
  const texts = Array.from({ length: count }, (_, i) => (i % 7 === 0 ? ' token' : ' bench'))
  const message = item.message(texts.join(''))
  const open = item.message('', { status: 'in_progress', content: [] })
  const part = (text: string) => ({ type: 'output_text', annotations: [], logprobs: [], text })
  const whole = texts.join('')
  return [
    ev.created(),
    ev.inProgress(),
    ev.added(open),
    ev.partAdded(part('')),
    ...texts.map((delta) => ev.text(delta)),
    ev.textDone(whole),
    ev.partDone(part(whole)),
    ev.done(message),
    ev.completed(),
  ]
}

/** Three calls, one behind the other. */
function toolTurn(): RawEvent[] {
  const calls = [0, 1, 2].flatMap((index) => {
    const place = { itemId: `fc_${index}`, outputIndex: index }
    const pieces = Array.from({ length: ARGUMENT_DELTAS }, (_, i) => (i === 0 ? '{"text":"' : ' some words'))
    return [
      ev.toolCall('write', `call_${index}`, place),
      ...[...pieces, '"}'].map((delta) => ev.toolArgs(delta, place)),
      ev.toolArgsDone(`${pieces.join('')}"}`, place),
      ev.toolDone('write', `${pieces.join('')}"}`, `call_${index}`, place),
    ]
  })
  return [ev.created(), ev.inProgress(), ...calls, ev.completed()]
}

function toWrites(events: readonly RawEvent[], perWrite: number): Buffer[] {
  const frames = numbered(events).map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
  const writes: Buffer[] = []
  for (let i = 0; i < frames.length; i += perWrite) writes.push(Buffer.from(frames.slice(i, i + perWrite).join('')))
  return writes
}
