import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { listenRelay } from '../../../../test/support/relay.ts'
import { useSimulator } from '../../../../test/support/simulator.ts'
import { readAll, socketTurnRequest } from '../../../../test/support/socket-request.ts'
import type { ScenarioInput } from '../../../simulator/scenario.ts'
import type { Simulator } from '../../../simulator/server.ts'
import { HttpClient } from '../http-client.ts'
import { SocketTransport } from './socket-transport.ts'

const LIMITS = { maxSocketsPerAccount: 4, maxSocketsPerConversation: 3, idleMs: 60_000, maxAgeMs: 3_600_000 }
const never = new AbortController().signal

interface Setup {
  readonly limits?: Partial<typeof LIMITS>
  readonly pingMs?: number
}

async function setUp({ limits = {}, pingMs = 60_000 }: Setup = {}) {
  const simulator = await useSimulator({ strict: false, anyToken: true })
  const client = new HttpClient()
  const clock = { nowMs: 1_000_000 }
  const options = { client, mode: 'auto' as const, proxy: {}, now: () => clock.nowMs, pingMs }
  const transport = new SocketTransport({ ...options, limits: { ...LIMITS, ...limits } })
  onTestFinished(async () => {
    transport.close()
    await client.close()
  })
  const relay = await listenRelay(Number(new URL(simulator.url).port))
  onTestFinished(() => relay[Symbol.asyncDispose]())
  const open = (key: string, signal = never) => transport.open(socketTurnRequest(`${relay.url}/responses`, key), signal)
  const ask = async (key: string) => {
    const stream = await open(key)
    await readAll(stream)
    return stream.stats.transport
  }
  return { simulator, relay, transport, clock, open, ask }
}

const openSockets = ({ connections }: Simulator) => connections.filter(({ closedAtMs }) => closedAtMs === undefined)
/** Stays open until its client leaves. */
const HELD: ScenarioInput = { stream: [{ created: true }, { text: 'Hel' }], end: 'stall' }

test('idle connections of an account are closed for others, with 1000; busy ones send the next over HTTP', async () => {
  const { simulator, ask, open } = await setUp({ limits: { maxSocketsPerAccount: 2 } })
  expect([await ask('one'), await ask('two'), await ask('three')]).toEqual(Array(3).fill('websocket'))
  await expect.poll(() => simulator.connections.map(({ closeCode }) => closeCode)).toEqual([1000, undefined, undefined])

  simulator.play(HELD, HELD)
  const gone = new AbortController()
  const held = [await open('two', gone.signal), await open('three', gone.signal)]
  expect(await ask('four')).toBe('sse')
  expect(openSockets(simulator)).toHaveLength(2)
  gone.abort()
  await Promise.all(held.map((stream) => readAll(stream).catch(() => {})))
  await expect.poll(() => openSockets(simulator).length).toBe(0)
  expect(await ask('four')).toBe('websocket')
})

test('one response at a time on a connection; a conversation has three at most, and then HTTP', async () => {
  const { simulator, ask, open } = await setUp()
  simulator.play(HELD, HELD, HELD)
  const gone = new AbortController()
  onTestFinished(() => gone.abort())
  for (const _ of Array(3).keys()) await open('one', gone.signal)
  expect(await ask('one')).toBe('sse')
  expect(simulator.connections).toHaveLength(3)
  expect(simulator.requests.map(({ transport, connection }) => `${transport} ${connection}`)).toEqual([
    'websocket 1',
    'websocket 2',
    'websocket 3',
    'http 1',
  ])
})

test('upgrades under way count: many turns of one conversation at once stay within its limit', async () => {
  const { simulator, ask } = await setUp()
  const transports = await Promise.all(Array.from({ length: 8 }, () => ask('one')))
  expect(transports.filter((transport) => transport === 'sse').length).toBeGreaterThan(0)
  expect(simulator.connections.length).toBeLessThanOrEqual(3)
  expect(await ask('one')).toBe('websocket')
})

test('an idle connection is closed with 1000 after its time, one in use is not', async () => {
  const { simulator, clock, ask, open } = await setUp({ limits: { idleMs: 100 } })
  simulator.play(HELD)
  const gone = new AbortController()
  onTestFinished(() => gone.abort())
  await open('busy', gone.signal)
  await ask('idle')
  clock.nowMs += 99
  await new Promise((resolve) => setTimeout(resolve, 80))
  expect(openSockets(simulator)).toHaveLength(2)
  clock.nowMs += 1
  await expect.poll(() => simulator.connections.map(({ closeCode }) => closeCode)).toEqual([undefined, 1000])
  expect(await ask('idle')).toBe('websocket')
  expect(simulator.connections).toHaveLength(3)
})

test('a connection takes no new turn before its hour is over, and is closed', async () => {
  const { simulator, clock, ask } = await setUp({ limits: { idleMs: 10_000_000, maxAgeMs: 1000 } })
  await ask('one')
  await ask('one')
  expect(simulator.connections).toHaveLength(1)
  clock.nowMs += 1000
  expect(await ask('one')).toBe('websocket')
  expect(simulator.connections).toHaveLength(2)
})

test('an old connection makes room in a conversation that has three', async () => {
  const { simulator, clock, open, ask } = await setUp({ limits: { maxSocketsPerConversation: 1, maxAgeMs: 1000 } })
  await ask('one')
  clock.nowMs += 1000
  const stream = await open('one')
  await readAll(stream)
  expect(stream.stats.transport).toBe('websocket')
  await expect.poll(() => simulator.connections.map(({ closeCode }) => closeCode)).toEqual([1000, undefined])
})

test('idle connections are asked for a sign of life, busy ones are not', async () => {
  const { simulator, ask, open } = await setUp({ pingMs: 20 })
  simulator.play(HELD)
  const gone = new AbortController()
  onTestFinished(() => gone.abort())
  await open('busy', gone.signal)
  await ask('idle')
  await expect.poll(() => simulator.connections[1]?.pings).toBeGreaterThan(3)
  expect(simulator.connections.map(({ closedAtMs }) => closedAtMs)).toEqual([undefined, undefined])
  expect(simulator.connections[0]?.pings).toBe(0)
})

test('an idle connection that gives no sign of life is given up', async () => {
  const { simulator, relay, ask } = await setUp({ pingMs: 30 })
  await ask('one')
  relay.cut('silent')
  await expect.poll(() => simulator.connections[0]?.closeCode).toBe(1006)
  expect(await ask('one')).toBe('websocket')
  expect(simulator.connections).toHaveLength(2)
})

test('an answer that nobody has read yet does not hold up the next on its connection', async () => {
  const { simulator, open, ask } = await setUp({ limits: { maxSocketsPerConversation: 1 } })
  // More than is held for a slow reader, and the end right behind it.
  const delta = { type: 'response.output_text.delta', delta: 'x'.repeat(66_000) }
  simulator.play({ stream: [{ created: true }, { event: delta }, { completed: { output: 'empty' } }] })
  const unread = await open('one')
  await expect.poll(() => simulator.requests[0]?.finished).toBe(true)
  await expect.poll(() => ask('one')).toBe('websocket')
  expect(simulator.connections).toHaveLength(1)
  await readAll(unread)
})

test('closing ends idle connections with 1000 at once and busy ones after their answer', async () => {
  const { simulator, transport, ask, open } = await setUp()
  await ask('idle')
  simulator.play({ stream: [{ created: true }, { text: 'Hel' }, { pause_ms: 100 }, { completed: true }] })
  const busy = await open('busy')
  transport.close()
  await expect.poll(() => simulator.connections.map(({ closeCode }) => closeCode)).toEqual([1000, undefined])
  await readAll(busy)
  await expect.poll(() => simulator.connections.map(({ closeCode }) => closeCode)).toEqual([1000, 1000])
})

test('a process with nothing but idle connections ends', async () => {
  const { simulator } = await setUp()
  const script = join(import.meta.dirname, '..', '..', '..', '..', 'test', 'support', 'idle-socket.ts')
  const url = `${simulator.baseUrl}/responses`
  const { stdout } = await promisify(execFile)(process.execPath, [script, url], { timeout: 10_000 })
  expect([stdout.trim(), simulator.connections.length]).toEqual(['websocket', 1])
})
