import { Agent } from 'node:http'
import { responsesBody } from './bodies.ts'
import { post } from './load.ts'
import { stop } from './process.ts'
import { median, type Row, type Scenario } from './scenario.ts'
import { CODEXWAY, createHome, PIPE, startGateway, startPipe } from './targets.ts'

/** From the start of the process to its first whole answer, the first start of which fills caches. */
export const coldStart: Scenario = {
  name: 'cold-start',
  async run(targets, { rounds }): Promise<readonly Row[]> {
    const home = createHome()
    const upstreamPort = targets[0]?.upstreamPort ?? 0
    const starts = {
      [PIPE]: () => startPipe(upstreamPort),
      [CODEXWAY]: () => startGateway(upstreamPort, home),
    }
    const samples: Record<string, number[]> = { [PIPE]: [], [CODEXWAY]: [] }
    for (let round = 0; round <= rounds; round += 1) {
      for (const [name, start] of Object.entries(starts)) {
        const startedAtMs = performance.now()
        const started = await start()
        const path = name === PIPE ? '/responses' : '/v1/responses'
        const answer = await post(new Agent(), { port: started.port, path, body: responsesBody('short') })
        answer.resume()
        await new Promise((resolve) => answer.once('end', resolve))
        if (round > 0) samples[name]?.push(performance.now() - startedAtMs)
        await stop(started, round > 0 ? 'SIGKILL' : 'SIGTERM')
      }
    }
    const values = Object.fromEntries(Object.entries(samples).map(([name, times]) => [name, median(times)]))
    const ratios = (samples[CODEXWAY] ?? []).map((ms, round) => ms / (samples[PIPE]?.[round] ?? Number.NaN))
    return [
      { scenario: 'cold start', measure: 'ms to the first answer', values, ratio: median(ratios), goal: '≤ 2.5 ×' },
    ]
  },
}
