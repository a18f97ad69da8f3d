import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { ev, item } from '../../src/simulator/events.ts'
import type { Simulator } from '../../src/simulator/server.ts'
import { atBothDoors, CHAT } from '../support/doors.ts'
import { startMeasuredGateway } from '../support/measured-gateway.ts'
import { sendAndStall, toRequest } from '../support/raw-http.ts'
import { type Served, type ServeOptions, serve } from '../support/serve.ts'
import { useSimulator } from '../support/simulator.ts'

const chat = { model: 'gpt-5.5', stream: true, messages: [{ role: 'user', content: 'Hello' }] }
const slow = [ev.created(), ev.text('first '), { pauseMs: 700 }, ev.text('last'), ev.completed()]

/** The gateway in its own process in front of a simulator in this one. */
async function served(options: ServeOptions = {}): Promise<{ simulator: Simulator; gateway: Served }> {
  const simulator = await useSimulator({ webSocket: 426 })
  const env = {
    OPENAI_API_BASE_URL: simulator.baseUrl,
    CODEX_REFRESH_TOKEN_URL_OVERRIDE: `${simulator.url}/oauth/token`,
    ...options.env,
  }
  const gateway = await serve({ ...options, env })
  simulator.writeAuthFile(join(gateway.home, '.codex'))
  return { simulator, gateway }
}

function ask(gateway: Served, body: object = chat): Promise<Response> {
  return fetch(gateway.url + CHAT, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(20_000),
  })
}

function canConnect(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

test('H-06: SIGTERM lets running streams finish, takes no new connection, and ends with 0', async () => {
  const { simulator, gateway } = await served()
  simulator.play({ stream: slow }, { stream: slow })
  const running = await Promise.all([ask(gateway), ask(gateway)])
  gateway.child.kill('SIGTERM')
  await expect.poll(() => canConnect(gateway.url), { timeout: 3000, interval: 10 }).toBe(false)
  expect(gateway.child.exitCode).toBeNull()
  for (const text of await Promise.all(running.map((response) => response.text()))) {
    expect(text).toContain('last')
    expect(text).toMatch(/data: \[DONE\]\n\n$/)
  }
  expect(await gateway.ended).toBe(0)
})

test('H-06: a second signal ends at once', async () => {
  const { simulator, gateway } = await served()
  simulator.play({ stream: slow.slice(0, 2), end: 'stall' })
  const response = await ask(gateway)
  const text = response.text().catch(() => 'broken off')
  gateway.child.kill('SIGTERM')
  await expect.poll(() => gateway.output().stderr).toContain('stopping')
  expect(gateway.child.exitCode).toBeNull()
  const secondAtMs = Date.now()
  gateway.child.kill('SIGINT')
  expect(await gateway.ended).toBe(130)
  expect(Date.now() - secondAtMs).toBeLessThan(5000)
  expect(await text).toBe('broken off')
})

test('H-06: streams that do not finish in time get an error event, stalled clients hold nothing up', async () => {
  const { simulator, gateway } = await served({ args: ['--set', 'server.drain_seconds=1'] })
  const endless = { stream: slow.slice(0, 2), end: 'stall' as const }
  const flood = { stream: Array.from({ length: 4000 }, () => ev.text('x'.repeat(10_000))) }
  simulator.play(endless, endless)
  const answers = await Promise.all(
    atBothDoors()
      .slice(0, 2)
      .map(({ path, body }) => fetchText(gateway.url + path, body)),
  )
  simulator.play(flood)
  const stalled = sendAndStall(gateway.url, toRequest(gateway.url, CHAT, JSON.stringify(chat)))
  await expect.poll(() => simulator.requests.length).toBe(3)
  gateway.child.kill('SIGTERM')
  const texts = await Promise.all(answers.map(({ text }) => text))
  expect(texts[0]).toMatch(/data: {"error":{[^\n]*"code":"shutting_down"}}\n\n$/)
  expect(texts[1]).toMatch(/event: response.failed\ndata: [^\n]*"code":"shutting_down"[^\n]*\n\n$/)
  expect(await gateway.ended).toBe(0)
  stalled.destroy()
})

/** Resolves with the head of the answer; its text comes when it ends. */
async function fetchText(url: string, body: object): Promise<{ text: Promise<string> }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(20_000),
  })
  return { text: response.text() }
}

test('S-10: a client that reads nothing slows the backend down instead of filling the memory', async () => {
  const simulator = await useSimulator({ webSocket: 426 })
  const home = mkdtempSync(join(tmpdir(), 'codexway-slow-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  simulator.writeAuthFile(home)
  await using gateway = await startMeasuredGateway(home, {
    OPENAI_CODEX_PATH: home,
    OPENAI_API_BASE_URL: simulator.baseUrl,
  })
  const delta = 'x'.repeat(50_000)
  const offered = Array.from({ length: 1000 }, () => ev.text(delta))
  const flood = { stream: [ev.created(), ...offered, ev.done(item.message('x')), ev.completed()] }
  for (const { path, body } of atBothDoors().slice(0, 2)) {
    await (await fetchText(gateway.url + path, body)).text
    const before = await gateway.measure()
    simulator.play(flood)
    const stalled = sendAndStall(gateway.url, toRequest(gateway.url, path, JSON.stringify(body)))
    const request = () => simulator.requests.at(-1)
    await expect.poll(() => (request()?.bytesOffered ?? 0) > 1_000_000, { timeout: 5000 }).toBe(true)
    let last = -1
    // Until nothing moves any more.
    while (last !== request()?.bytesOffered) {
      last = request()?.bytesOffered ?? 0
      await sleep(250)
    }
    expect(last).toBeLessThan(25_000_000)
    expect(request()?.finished).toBe(false)
    const { memoryBytes } = await gateway.measure()
    expect(memoryBytes - before.memoryBytes).toBeLessThan(20_000_000)
    stalled.destroy()
    await expect.poll(() => request()?.closedAtMs, { timeout: 1500 }).toBeDefined()
  }
})
