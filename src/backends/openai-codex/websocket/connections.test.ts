import { expect, onTestFinished, test } from 'vitest'
import { HttpClient } from '../http-client.ts'
import { Connections } from './connections.ts'

const MINUTE_MS = 60_000

function connections(mode: 'auto' | 'websocket' | 'sse') {
  const clock = { nowMs: 0 }
  const client = new HttpClient()
  const shared = new Connections({ client, mode, proxy: {}, now: () => clock.nowMs })
  onTestFinished(async () => {
    shared.close()
    await client.close()
  })
  /** Minutes until the host is asked again. */
  const avoidedFor = () => {
    let minutes = 0
    for (; shared.avoids('host'); minutes += 1) clock.nowMs += MINUTE_MS
    return minutes
  }
  return { shared, avoidedFor }
}

test('a host whose upgrades keep failing is asked ever more rarely, one that says 426 every ten minutes', () => {
  const { shared, avoidedFor } = connections('auto')
  const waits = Array.from({ length: 7 }, () => {
    shared.refused('host', { status: 503 })
    return avoidedFor()
  })
  expect(waits).toEqual([1, 2, 4, 8, 16, 30, 30])
  shared.refused('host', { status: 426 })
  expect(avoidedFor()).toBe(10)
  expect(shared.avoids('other')).toBe(false)
})

test('`websocket` forgets every refusal, `sse` never asks', () => {
  const always = connections('websocket')
  always.shared.refused('host', { status: 426 })
  expect(always.shared.avoids('host')).toBe(false)
  expect(connections('sse').shared.avoids('host')).toBe(true)
})
