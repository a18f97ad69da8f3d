import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { StepInput } from '../../src/simulator/scenario.ts'
import { type Simulator, startSimulator } from '../../src/simulator/server.ts'
import { type FaultProxy, NO_FAULT, startFaultProxy } from '../support/fault-proxy.ts'
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts'
import { ask, type Question } from './ask.ts'
import { TRIALS } from './faults.ts'
import { judge, type Run } from './judge.ts'
import { readReply } from './read-answer.ts'

export interface SoakOptions {
  readonly minutes: number
  readonly concurrency: number
  readonly onSample: (sample: Sample) => void
}

/** Counts are since the start. */
export interface Counts {
  requests: number
  answered: number
  /** Clients that left before the end, on purpose. */
  left: number
  /** Failed with an honest error while a connection was being broken. */
  faulted: number
  /** Failed for no reason, or never ended. */
  lost: number
  /** Rules of the judge that were broken. */
  wrong: number
  /** Connections broken. */
  blows: number
}

export interface Sample extends Counts {
  readonly seconds: number
  readonly residentMiB: number
  readonly descriptors: number
}

export interface SoakResult {
  readonly samples: readonly Sample[]
  /** When all clients had gone. */
  readonly atRest: Sample
  readonly complaints: readonly string[]
}

const SAMPLE_MS = 5000
/** Faults and calm take turns: what fails in the calm has no excuse. */
const PHASE_MS = 15_000
const FAULT_SHARE = 0.3
const DOORS = ['chat', 'responses', 'messages'] as const
/** What a broken connection may be called. */
const EXCUSES =
  /^(upstream_stream_ended|upstream_unreachable|upstream_bad_response|upstream_timeout|api_error|timeout_error)$/
const YAML = `
default_backend: over_sse
backends:
  over_sse: {type: openai-codex, timeout: 3, extra: {codex: {transport: sse}}}
  over_websocket: {type: openai-codex, timeout: 3, extra: {codex: {transport: websocket}}}
`

/** Mixed traffic through a proxy that breaks connections, against a gateway process of its own. */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const home = mkdtempSync(join(tmpdir(), 'codexway-soak-'))
  const simulator = await startSimulator()
  const proxy = await startFaultProxy(Number(new URL(simulator.url).port))
  simulator.writeAuthFile(home)
  writeFileSync(join(home, 'config.yaml'), YAML)
  const gateway = await startGatewayProcess({
    simulator: { url: simulator.url, baseUrl: `${proxy.url}/backend-api/codex` },
    codexHome: home,
    home,
    args: ['--log-level', 'warn'],
  })
  try {
    return await new Soak({ simulator, proxy, gateway }, options).run()
  } finally {
    await gateway.kill('SIGKILL')
    await proxy.close()
    await simulator.close()
    rmSync(home, { recursive: true, force: true })
  }
}

interface Parts {
  readonly simulator: Simulator
  readonly proxy: FaultProxy
  readonly gateway: GatewayProcess
}

class Soak {
  readonly #parts: Parts
  readonly #options: SoakOptions
  readonly #counts: Counts = { requests: 0, answered: 0, left: 0, faulted: 0, lost: 0, wrong: 0, blows: 0 }
  readonly #complaints: string[] = []
  readonly #startedAtMs = Date.now()
  #lastBlowAtMs = 0
  #seed = 1

  constructor(parts: Parts, options: SoakOptions) {
    this.#parts = parts
    this.#options = options
  }

  async run(): Promise<SoakResult> {
    const { simulator, proxy } = this.#parts
    const { minutes, concurrency, onSample } = this.#options
    simulator.on(
      () => true,
      ({ bodyBytes }) => ({ pace_ms: 1, stream: stepsFor(/soak-\d+/.exec(bodyBytes)?.[0] ?? '') }),
    )
    const faults = TRIALS.filter(({ isLong, spares }) => isLong !== true && spares !== true)
    proxy.chooseBy(
      () => (this.#isCalm() || this.#random() > FAULT_SHARE ? NO_FAULT : pick(faults, this.#random())),
      () => this.#blow(),
    )
    const samples: Sample[] = []
    const untilMs = this.#startedAtMs + minutes * 60_000
    const workers = Promise.all(Array.from({ length: concurrency }, () => this.#work(untilMs)))
    while (Date.now() < untilMs) {
      await sleep(SAMPLE_MS)
      samples.push(this.#sample())
      onSample(samples.at(-1)!)
      this.#forget()
    }
    await workers
    await sleep(3000)
    return { samples, atRest: this.#sample(), complaints: this.#complaints }
  }

  async #work(untilMs: number): Promise<void> {
    while (Date.now() < untilMs && this.#parts.gateway.child.exitCode === null) {
      await this.#request(this.#counts.requests++)
      await sleep(20)
    }
  }

  async #request(index: number): Promise<void> {
    const id = `soak-${index}`
    const question: Question = {
      door: pick(DOORS, this.#random()),
      stream: this.#random() < 0.7,
      text: `Please answer ${id} now.`,
      model: `${this.#random() < 0.5 ? 'over_sse' : 'over_websocket'}:gpt-5.5`,
    }
    const leaves = index % 6 === 5
    const startedAtMs = Date.now()
    const leaveAfterMs = leaves ? 1 + Math.round(this.#random() * 60) : undefined
    const reply = await ask(this.#parts.gateway.url, question, {
      withinMs: 30_000,
      ...(leaveAfterMs === undefined ? {} : { leaveAfterMs }),
    })
    if (leaves) this.#counts.left += 1
    else this.#judge(id, question, reply, startedAtMs)
  }

  #judge(id: string, { door, model }: Question, reply: Run['reply'], startedAtMs: number): void {
    const counts = this.#counts
    const told = { text: textOf(id), reasoning: reasoningOf(id), callArguments: argumentsOf(id), succeeds: true }
    const base = { told, reply, mustSucceed: false, maxAsked: 0, passedDown: undefined, asked: [] }
    const wrong = judge(base)
    counts.wrong += wrong.length
    const name = `${id} (${door}, ${model})`
    for (const line of wrong) this.#complain(`${name}: ${line}`)
    const reading = reply && readReply(reply)
    if (reading?.ends[0] === 'success') counts.answered += 1
    else if (this.#lastBlowAtMs >= startedAtMs && EXCUSES.test(reading?.code ?? '')) counts.faulted += 1
    else {
      counts.lost += 1
      this.#complain(`${name}: lost: ${reply?.status} ${reading?.code}`)
    }
  }

  #complain(line: string): void {
    if (this.#complaints.length < 50) this.#complaints.push(line)
  }

  #blow(): void {
    this.#counts.blows += 1
    this.#lastBlowAtMs = Date.now()
  }

  #isCalm(): boolean {
    return Math.floor((Date.now() - this.#startedAtMs) / PHASE_MS) % 2 === 0
  }

  /** The simulator's and the proxy's own records, which are no part of what is measured. */
  #forget(): void {
    const { simulator, proxy } = this.#parts
    for (const list of [simulator.requests, simulator.warmUps, simulator.connections, simulator.otherCalls])
      list.length = 0
    proxy.forgetClosed()
  }

  #sample(): Sample {
    const { pid } = this.#parts.gateway.child
    const [, kib = '0'] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return {
      ...this.#counts,
      seconds: Math.round((Date.now() - this.#startedAtMs) / 1000),
      residentMiB: Math.round(Number(kib) / 1024),
      descriptors: readdirSync(`/proc/${pid}/fd`).length,
    }
  }

  /** The same traffic every time, as far as the clock allows. */
  #random(): number {
    this.#seed = (this.#seed * 48_271) % 2_147_483_647
    return this.#seed / 2_147_483_647
  }
}

/** What is said depends on the question alone, so that nothing of another answer can pass for it. */
function stepsFor(id: string): StepInput[] {
  const steps: StepInput[] = [{ created: true }]
  if (reasoningOf(id) !== '') steps.push({ reasoning: { summary: [reasoningOf(id)], encrypted_content: 'gAAAsoak' } })
  if (textOf(id) !== '') steps.push({ text: textOf(id), deltas: 10 })
  if (argumentsOf(id) !== '')
    steps.push({ tool_call: { name: 'weather', arguments: argumentsOf(id), call_id: `call_${id}`, deltas: 4 } })
  return [...steps, { completed: true }]
}

const kindOf = (id: string) => Number(id.slice('soak-'.length)) % 3
const textOf = (id: string) =>
  kindOf(id) === 1 ? '' : `This is the whole answer to ${id}, “ü” and 🙂 included. `.repeat(3)
const reasoningOf = (id: string) => (kindOf(id) === 2 ? `What ${id} is about.` : '')
const argumentsOf = (id: string) => (kindOf(id) === 1 ? JSON.stringify({ city: 'Köln', asked: id }) : '')

function pick<T>(list: readonly T[], at: number): T {
  return list[Math.min(Math.floor(at * list.length), list.length - 1)]!
}
