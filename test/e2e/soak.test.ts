import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, type ClientRequest, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { CHAT, RESPONSES } from '../support/doors.ts'
import { type MeasuredGateway, startMeasuredGateway } from '../support/measured-gateway.ts'

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts')
/** Also about how many connections to the backend there will be. */
const CONCURRENCY = 48

interface Stage {
  readonly gateway: MeasuredGateway
  end(): Promise<void>
}

/** Gateway and simulator, each in a process of its own. */
async function startStage(transport: string): Promise<Stage> {
  const home = mkdtempSync(join(tmpdir(), 'codexway-soak-'))
  writeFileSync(join(home, 'config.yaml'), `backends: {openai_codex: {extra: {codex: {transport: ${transport}}}}}`)
  const simulator = spawn(process.execPath, [MAIN, 'simulate', '--port', '0', '--auth-directory', home], {
    env: { PATH: process.env.PATH ?? '', HOME: home },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const printed: Record<string, string> = {}
  for await (const line of createInterface({ input: simulator.stdout })) {
    for (const [, name = '', value = ''] of line.matchAll(/(\w+)=(\S+)/g)) printed[name] = value
    if (line.startsWith('sign-in written')) break
  }
  const gateway = await startMeasuredGateway(home, { ...printed, OPENAI_CODEX_PATH: home })
  return {
    gateway,
    async end() {
      await gateway[Symbol.asyncDispose]()
      simulator.kill('SIGKILL')
      rmSync(home, { recursive: true, force: true })
    },
  }
}

test.each([
  // The largest bounded store keeps 5,000 conversations: from then on nothing may grow.
  { transport: 'sse', warm: 5500, total: 10_000, keptSockets: 0 },
  // Idle WebSockets stay open for the next turn, up to 16 of an account.
  { transport: 'auto', warm: 300, total: 700, keptSockets: 16 },
])(
  'H-09, I-07: $total conversations over $transport, a third given up, leave nothing behind',
  async (row) => {
    const { gateway, end } = await startStage(row.transport)
    onTestFinished(end)
    const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY })
    const fresh = await gateway.measure()
    const outcomes = { done: 0, left: 0, failed: 0 }
    const run = async (from: number, to: number) => {
      let next = from
      const worker = async () => {
        while (next < to) outcomes[await ask(gateway.url, agent, next++)] += 1
      }
      await Promise.all(Array.from({ length: CONCURRENCY }, worker))
    }
    await run(0, row.warm)
    await sleep(300)
    const warm = await gateway.measure()
    await run(row.warm, row.total)
    agent.destroy()
    const sockets = async () => (await gateway.measure()).resources.TCPSocketWrap ?? 0
    await expect.poll(sockets, { timeout: 10_000 }).toBeLessThanOrEqual(row.keptSockets)
    const after = await gateway.measure()

    expect(outcomes.failed).toBe(0)
    expect(outcomes.left).toBeGreaterThan(row.total / 5)
    expect(outcomes.done + outcomes.left).toBe(row.total)
    expect({ ...after.resources, TCPSocketWrap: 0 }).toEqual({ ...fresh.resources, TCPSocketWrap: 0 })
    expect(after.memoryBytes - warm.memoryBytes).toBeLessThan(6 * 1024 * 1024)
    // Of the warm process's files the clients' are gone.
    expect(after.openFiles - warm.openFiles).toBeLessThanOrEqual(8)
  },
  120_000,
)

/** One conversation of its own, at one of four doors; every third is given up, early or in the middle. */
function ask(url: string, agent: Agent, index: number): Promise<'done' | 'left' | 'failed'> {
  const stream = index % 4 < 2
  const text = `Conversation number ${index}, which is like no other.`
  const [path, body] =
    index % 2 === 0
      ? [CHAT, { model: 'gpt-5.5', stream, messages: [{ role: 'user', content: text }] }]
      : [RESPONSES, { model: 'gpt-5.5', stream, input: text }]
  const bytes = JSON.stringify(body)
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(bytes) }
  return new Promise((resolve) => {
    const sent: ClientRequest = request(url + path, { method: 'POST', agent, headers }, (response) => {
      if (isGivenUp(index) && index % 2 === 0) leave()
      response.on('data', () => {
        if (isGivenUp(index)) leave()
      })
      response.once('end', () => resolve(response.statusCode === 200 ? 'done' : 'failed'))
      response.once('error', () => resolve(isGivenUp(index) ? 'left' : 'failed'))
    })
    const leave = () => {
      sent.destroy()
      resolve('left')
    }
    sent.once('error', () => resolve(isGivenUp(index) ? 'left' : 'failed'))
    sent.end(bytes)
    if (isGivenUp(index) && index % 9 === 0) setTimeout(leave, index % 5)
  })
}

function isGivenUp(index: number): boolean {
  return index % 3 === 0
}
