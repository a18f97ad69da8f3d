import {
  chatBody,
  completionsBody,
  geminiBody,
  historyBody,
  messagesBody,
  ollamaBody,
  responsesBody,
} from './bodies.ts'
import { runLoad } from './load.ts'
import { cpuMs } from './process.ts'
import { median, type Row, type Scenario, type Settings } from './scenario.ts'
import { CODEXWAY, type Door, PIPE, type Target } from './targets.ts'

interface Kind {
  readonly name: string
  readonly door: Door
  readonly body: string
  readonly goal?: number
  /** Share of the usual number of requests and of those at once; large bodies need few. */
  readonly share?: number
}

/** The compilers need some thousand requests; their work is not what a request costs. */
const WARM_UP_ROUNDS = 10

/** CPU time of the target's process for one request, many at once. Targets take turns within every round. */
export const CPU_SCENARIOS: readonly Scenario[] = [
  cpuScenario({ name: 'relay', door: 'responses', body: responsesBody('text'), goal: 1.3 }),
  cpuScenario({ name: 'relay-stored', door: 'responses', body: responsesBody('text', {}) }),
  cpuScenario({ name: 'chat', door: 'chat', body: chatBody('text'), goal: 2 }),
  cpuScenario({ name: 'chat-whole', door: 'chat', body: chatBody('text', {}), goal: 4.5 }),
  cpuScenario({ name: 'tools-relay', door: 'responses', body: responsesBody('tools') }),
  cpuScenario({ name: 'tools-chat', door: 'chat', body: chatBody('tools') }),
  cpuScenario({ name: 'messages', door: 'messages', body: messagesBody('text'), goal: 2.2 }),
  cpuScenario({ name: 'completions', door: 'completions', body: completionsBody('text'), goal: 2.2 }),
  cpuScenario({ name: 'gemini', door: 'gemini', body: geminiBody('text'), goal: 2.2 }),
  cpuScenario({ name: 'ollama', door: 'ollama', body: ollamaBody('text'), goal: 2.2 }),
  cpuScenario({ name: 'history-2mb', door: 'chat', body: historyBody(), goal: 7, share: 0.1 }),
]

function cpuScenario(kind: Kind): Scenario {
  return {
    name: kind.name,
    async run(targets, settings) {
      const measured = targets.filter(({ pid, kind: { paths } }) => pid !== undefined && paths[kind.door] !== undefined)
      const samples = new Map(measured.map(({ name }): [string, number[]] => [name, []]))
      for (let i = 0; i < WARM_UP_ROUNDS; i += 1) for (const target of measured) await costOf(target, kind, settings)
      for (let round = 0; round < settings.rounds; round += 1) {
        for (const target of measured) samples.get(target.name)?.push(await costOf(target, kind, settings))
      }
      return [toRow(kind, samples)]
    },
  }
}

/** @returns µs of CPU of the target's process for one request */
async function costOf(target: Target, kind: Kind, settings: Settings): Promise<number> {
  const { door, body, share = 1 } = kind
  const requests = Math.ceil(settings.requests * share)
  const concurrency = Math.ceil(settings.concurrency * share)
  const before = cpuMs(target.pid ?? 0)
  await runLoad({ port: target.port, path: target.kind.paths[door] ?? '', body, requests, concurrency })
  return ((cpuMs(target.pid ?? 0) - before) * 1000) / requests
}

/** The ratio is the median of the rounds' own ratios: what slows a round down slows both. */
function toRow({ name, goal }: Kind, samples: ReadonlyMap<string, readonly number[]>): Row {
  const pipe = samples.get(PIPE) ?? []
  const ratios = (samples.get(CODEXWAY) ?? []).map((value, round) => value / (pipe[round] ?? Number.NaN))
  return {
    scenario: name,
    measure: 'µs CPU per request',
    values: Object.fromEntries([...samples].map(([target, values]) => [target, median(values)])),
    ratio: median(ratios),
    ...(goal === undefined ? {} : { goal: `≤ ${goal} ×` }),
  }
}
