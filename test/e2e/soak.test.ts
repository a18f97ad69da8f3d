import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, type ClientRequest, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CHAT, RESPONSES } from '../support/doors.ts'
import { type MeasuredGateway, startMeasuredGateway } from '../support/measured-gateway.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const REQUESTS = 10_000
/** By then every bounded store is full: the largest keeps 5,000 conversations. */
const WARM = 5500
/** Also about how many connections to the backend there will be. */
const CONCURRENCY = 48

const home = mkdtempSync(join(tmpdir(), 'codexway-soak-'))
let simulator: ChildProcess
let gateway: MeasuredGateway

beforeAll(async () => {
  const env = { PATH: process.env.PATH ?? '', HOME: home }
  const main = join(ROOT, 'src', 'cli', 'main.ts')
  const args = [main, 'simulate', '--port', '0', '--auth-directory', home]
  const child = spawn(process.execPath, args, { env, cwd: home, stdio: ['ignore', 'pipe', 'ignore'] })
  simulator = child
  const printed: Record<string, string> = {}
  for await (const line of createInterface({ input: child.stdout })) {
    for (const [, name = '', value = ''] of line.matchAll(/(\w+)=(\S+)/g)) printed[name] = value
    if (line.startsWith('sign-in written')) break
  }
  gateway = await startMeasuredGateway(home, { ...printed, OPENAI_CODEX_PATH: home })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  simulator.kill('SIGKILL')
  rmSync(home, { recursive: true, force: true })
})

test('H-09, I-07: 10,000 conversations, a third given up, leave no handle, socket or heap behind', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY })
  const fresh = await gateway.measure()
  const outcomes = { done: 0, left: 0, failed: 0 }
  const run = async (from: number, to: number) => {
    let next = from
    const worker = async () => {
      while (next < to) outcomes[await ask(agent, next++)] += 1
    }
    await Promise.all(Array.from({ length: CONCURRENCY }, worker))
  }
  await run(0, WARM)
  await sleep(300)
  const warm = await gateway.measure()
  await run(WARM, REQUESTS)
  agent.destroy()
  // Idle connections to the backend may be used again; they hold nothing up and are not counted here.
  await expect.poll(async () => (await gateway.measure()).resources, { timeout: 5000 }).toEqual(fresh.resources)
  const after = await gateway.measure()

  expect(outcomes.failed).toBe(0)
  expect(outcomes.left).toBeGreaterThan(REQUESTS / 5)
  expect(outcomes.done + outcomes.left).toBe(REQUESTS)
  expect(after.memoryBytes - warm.memoryBytes).toBeLessThan(6 * 1024 * 1024)
  expect(after.openFiles - warm.openFiles).toBeLessThanOrEqual(8)
}, 60_000)

/** One conversation of its own, at one of four doors; every third is given up, early or in the middle. */
function ask(agent: Agent, index: number): Promise<'done' | 'left' | 'failed'> {
  const stream = index % 4 < 2
  const text = `Conversation number ${index}, which is like no other.`
  const [path, body] =
    index % 2 === 0
      ? [CHAT, { model: 'gpt-5.5', stream, messages: [{ role: 'user', content: text }] }]
      : [RESPONSES, { model: 'gpt-5.5', stream, input: text }]
  const bytes = JSON.stringify(body)
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(bytes) }
  return new Promise((resolve) => {
    const sent: ClientRequest = request(gateway.url + path, { method: 'POST', agent, headers }, (response) => {
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
