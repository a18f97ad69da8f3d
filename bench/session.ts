import { Agent } from 'node:http'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { post } from './load.ts'
import { cpuMs, type Started, startScript, stop } from './process.ts'
import { median } from './scenario.ts'
import { ROOT, startGateway } from './targets.ts'

const TURNS = 60
/** About 16 KiB. */
const RESULT = 'A line of what the tool printed, with "quotes".\n'.repeat(341)
/** Sessions before the one that is told of: the compilers need some hundred requests. */
const WARM_UPS = 8
/** Turns at either end whose cost is told. */
const EDGE = 10

interface Session {
  /** What the backend was sent, bytes. */
  readonly bytes: number
  /** CPU of the process in the middle for each turn, ms. */
  readonly cpu: readonly number[]
  /** From the request to the first delta for each turn, ms. */
  readonly first: readonly number[]
}

/**
 * A long agent session over chat completions, the history sent whole every turn: what it costs over each transport to the
 * backend, and beside a bare relay of two WebSockets that is given only what is new. Prints a table of its own.
 */
export async function session(): Promise<void> {
  const [http, socket, relay] = [await overGateway('http'), await overGateway('socket'), await overRelay()]
  const kib = (TURNS * RESULT.length) / 1024
  console.log(`\nAgent session of ${TURNS} turns, ${kib.toFixed(0)} KiB of history at the end\n`)
  console.log('| measure | HTTP | WebSocket | bare socket relay | goal |')
  console.log('|---|--:|--:|--:|---|')
  const share = ((100 * socket.bytes) / http.bytes).toFixed(1)
  const added = (median(socket.first) - median(relay.first)).toFixed(2)
  const rows: readonly [string, (session: Session) => number, string][] = [
    ['sent to the backend, KiB', ({ bytes }) => bytes / 1024, `≤ 5 %: ${share} %`],
    [`CPU of the first ${EDGE} turns, ms each`, ({ cpu }) => median(cpu.slice(1, EDGE + 1)), ''],
    [`CPU of the last ${EDGE} turns, ms each`, ({ cpu }) => median(cpu.slice(-EDGE)), ''],
    ['first delta, ms p50', ({ first }) => median(first), `≤ 2 ms added: ${added} ms`],
  ]
  for (const [measure, read, goal] of rows) {
    const cells = [http, socket, relay].map((each) => read(each).toFixed(2))
    console.log(`| ${measure} | ${cells.join(' | ')} | ${goal} |`)
  }
}

async function overGateway(transport: 'http' | 'socket'): Promise<Session> {
  return withUpstream(transport, async (upstream) => {
    const gateway = await startGateway(upstream.port)
    try {
      for (let session = 0; session < WARM_UPS; session += 1) await chat(gateway, upstream, `Warm up ${session}.`)
      return await chat(gateway, upstream, 'Look into every file.')
    } finally {
      await stop(gateway)
    }
  })
}

/** As an agent does it: every answer and every tool result joins the history. */
async function chat(gateway: Started, upstream: Started, task: string): Promise<Session> {
  const before = await bytesOf(upstream)
  const agent = new Agent({ keepAlive: true })
  const tools = [{ type: 'function', function: { name: 'read', parameters: { type: 'object', properties: {} } } }]
  const messages: object[] = [{ role: 'user', content: task }]
  const [cpu, first]: [number[], number[]] = [[], []]
  for (let turn = 0; turn < TURNS; turn += 1) {
    const body = JSON.stringify({ model: 'gpt-5.5', stream: true, tools, messages })
    const cpuBefore = cpuMs(gateway.pid)
    const startedAt = performance.now()
    const { content, callId, firstAt } = await readTurn(agent, gateway.port, body)
    first.push(firstAt - startedAt)
    cpu.push(cpuMs(gateway.pid) - cpuBefore)
    const call = { id: callId, type: 'function', function: { name: 'read', arguments: '{"path":"a.ts"}' } }
    messages.push({ role: 'assistant', content, tool_calls: [call] })
    messages.push({ role: 'tool', tool_call_id: callId, content: RESULT })
  }
  agent.destroy()
  return { bytes: (await bytesOf(upstream)) - before, cpu, first }
}

async function readTurn(agent: Agent, port: number, body: string) {
  const answer = await post(agent, { port, path: '/v1/chat/completions', body })
  let [text, firstAt] = ['', 0]
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    text += chunk.toString()
    if (firstAt === 0 && text.includes('"content":" word')) firstAt = performance.now()
  }
  if (!text.endsWith('data: [DONE]\n\n')) throw new Error(`no whole answer: ${text.slice(0, 500)}`)
  const chunks = [...text.matchAll(/^data: (\{.*)$/gm)].map(([, json]) => JSON.parse(json ?? '').choices[0]?.delta)
  const callId: string = chunks.find((delta) => delta?.tool_calls !== undefined)?.tool_calls[0].id
  return { content: chunks.map((delta) => delta?.content ?? '').join(''), callId, firstAt }
}

async function overRelay(): Promise<Session> {
  return withUpstream('socket', async (upstream) => {
    const relay = await startScript([join(ROOT, 'bench/socket-relay.ts'), String(upstream.port)])
    const socket = new WebSocket(`ws://127.0.0.1:${relay.port}`, { perMessageDeflate: false })
    try {
      await until(socket, '"type":"open"')
      const [cpu, first]: [number[], number[]] = [[], []]
      for (let turn = 0; turn < TURNS; turn += 1) {
        const input = [{ type: 'function_call_output', call_id: `call_${turn}`, output: RESULT }]
        const message = JSON.stringify({ type: 'response.create', previous_response_id: `resp_${turn}`, input })
        const [before, startedAt] = [cpuMs(relay.pid), performance.now()]
        const ended = until(socket, 'response.completed')
        const firstAt = until(socket, 'output_text.delta')
        socket.send(message)
        first.push((await firstAt) - startedAt)
        await ended
        cpu.push(cpuMs(relay.pid) - before)
      }
      return { bytes: await bytesOf(upstream), cpu, first }
    } finally {
      socket.terminate()
      await stop(relay)
    }
  })
}

/** @returns when a message that holds this text came */
function until(socket: WebSocket, text: string): Promise<number> {
  return new Promise((resolve) => {
    const listener = (data: Buffer) => {
      if (!data.includes(text)) return
      socket.off('message', listener)
      resolve(performance.now())
    }
    socket.on('message', listener)
  })
}

async function withUpstream<T>(transport: 'http' | 'socket', use: (upstream: Started) => Promise<T>): Promise<T> {
  const upstream = await startScript([join(ROOT, 'bench/socket-upstream.ts'), transport])
  try {
    return await use(upstream)
  } finally {
    await stop(upstream)
  }
}

async function bytesOf({ port }: Started): Promise<number> {
  return Number(await (await fetch(`http://127.0.0.1:${port}/bytes`)).text())
}
