import { Agent } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { chatBody, responsesBody } from './bodies.ts'
import { post, runLoad } from './load.ts'
import { residentMib, stop } from './process.ts'
import type { Row, Scenario, Settings } from './scenario.ts'
import { CODEXWAY, PIPE, startTarget, type Target } from './targets.ts'

const SETTLE_MS = 1500
const SOAK_STEPS = 10

/** What a stream costs that has begun and goes on saying nothing, client and upstream socket included; fresh processes. */
export const idle: Scenario = {
  name: 'idle',
  async run(targets, settings) {
    const values: Record<string, number> = {}
    const atRest: Record<string, number> = {}
    for (const target of targets) {
      if (target.pid === undefined) continue
      const fresh = await startTarget(target.kind, target.upstreamPort)
      await delay(SETTLE_MS)
      atRest[target.name] = residentMib(fresh.pid ?? 0)
      values[target.name] = await idleKib(fresh, settings)
      if (fresh.started !== undefined) await stop(fresh.started)
    }
    const ratio = (values[CODEXWAY] ?? Number.NaN) / (values[PIPE] ?? Number.NaN)
    return [
      { scenario: `idle streams (${settings.idle})`, measure: 'KiB each', values, ratio, goal: '≤ 1.25 ×' },
      { scenario: 'at rest', measure: 'resident MiB', values: atRest, ratio: undefined, goal: '≤ 85 MiB' },
    ]
  },
}

async function idleKib(target: Target, settings: Settings): Promise<number> {
  const pid = target.pid ?? 0
  // The code itself, its buffers and the heap's first growth are no part of a stream.
  await runLoad({
    port: target.port,
    path: target.kind.paths.chat ?? '',
    body: chatBody('short'),
    requests: 500,
    concurrency: 32,
  })
  await delay(SETTLE_MS)
  const before = residentMib(pid)
  const agent = new Agent({ maxSockets: settings.idle })
  const request = { port: target.port, path: target.kind.paths.chat ?? '', body: chatBody('idle') }
  for (let opened = 0; opened < settings.idle; opened += 50) {
    await Promise.all(
      Array.from({ length: Math.min(50, settings.idle - opened) }, async () => {
        const answer = await post(agent, request)
        answer.on('error', () => {}) // Its connection is closed below.
        answer.resume()
      }),
    )
  }
  await delay(SETTLE_MS)
  const after = residentMib(pid)
  agent.destroy()
  return ((after - before) * 1024) / settings.idle
}

/** Resident memory after a tenth of the requests and at the end, both doors in turn. */
export const soak: Scenario = {
  name: 'soak',
  async run(targets, settings) {
    const rows: Row[] = []
    const target = targets.find(({ name }) => name === CODEXWAY)
    if (target === undefined) return rows
    const fresh = await startTarget(target.kind, target.upstreamPort)
    const seen: number[] = []
    for (let step = 0; step < SOAK_STEPS; step += 1) {
      const isChat = step % 2 === 1
      const path = target.kind.paths[isChat ? 'chat' : 'responses'] ?? ''
      const body = isChat ? chatBody('text') : responsesBody('text')
      const { concurrency } = settings
      await runLoad({ port: fresh.port, path, body, requests: Math.ceil(settings.soak / SOAK_STEPS), concurrency })
      seen.push(residentMib(fresh.pid ?? 0))
    }
    if (fresh.started !== undefined) await stop(fresh.started)
    const scenario = `soak (${settings.soak} requests)`
    const at = (step: number) => seen[step] ?? Number.NaN
    rows.push({ scenario, measure: 'resident MiB after 30 %', values: { [CODEXWAY]: at(2) }, ratio: undefined })
    rows.push({
      scenario,
      measure: 'resident MiB at the end',
      values: { [CODEXWAY]: at(SOAK_STEPS - 1) },
      ratio: undefined,
      goal: 'no growth',
    })
    return rows
  },
}
