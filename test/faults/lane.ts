import { setTimeout as sleep } from 'node:timers/promises'
import { NO_FAULT } from '../support/fault-proxy.ts'
import { ask } from './ask.ts'
import type { Trial } from './faults.ts'
import { holdsOutput, judge, type Run } from './judge.ts'
import type { Door } from './read-answer.ts'
import { SCENARIOS, type Told } from './scenarios.ts'
import { type FaultStage, SILENCE_S, startFaultStage, type Transport } from './stage.ts'

export interface LaneOptions {
  readonly transport: Transport
  readonly isTls?: boolean
  readonly doors: readonly Door[]
  readonly trials: readonly Trial[]
  /** Names of `SCENARIOS`; all unless said. */
  readonly scenarios?: readonly string[]
  /** Clients that leave are tried too. */
  readonly leaves?: boolean
  readonly onTrial?: (name: string, runs: number) => void
}

export interface LaneResult {
  readonly runs: number
  /** One line for each rule broken. */
  readonly wrong: readonly string[]
  readonly memoryGrowthBytes: number
}

/** Whatever befalls it, a request ends within the limits for connecting, for a repeat, and for the answer. */
const ENDS_WITHIN_MS = (SILENCE_S * 5 + 10) * 1000
/** Over HTTP one repeat; over WebSocket three connections, then HTTP with its repeat (connector.md §13.3, upstream.md §2). */
const MAX_ASKED: Record<Transport, number> = { sse: 2, websocket: 5 }
const LEFT_WITHIN_MS = 1000
/** A machine with other work to do is late itself. */
const SLACK_MS = 500
/** Caches and compiled code; the stores keep a few KiB of each answer on purpose. */
const MAX_GROWTH_BYTES = 12 * 1024 * 1024

/** All trials one after the other against a stage of their own. */
export async function runLane(options: LaneOptions): Promise<LaneResult> {
  const stage = await startFaultStage(options.transport, options.isTls === true)
  try {
    return await new Lane(stage, options).run()
  } finally {
    await stage.end()
  }
}

class Lane {
  readonly #stage: FaultStage
  readonly #options: LaneOptions
  readonly #wrong: string[] = []
  #runs = 0

  constructor(stage: FaultStage, options: LaneOptions) {
    this.#stage = stage
    this.#options = options
  }

  async run(): Promise<LaneResult> {
    const { gateway, proxy } = this.#stage
    const { doors, trials, onTrial } = this.#options
    // Models and code are loaded before anything is measured.
    await this.#clean()
    for (const door of doors) for (const stream of [true, false]) await this.#hello(door, stream)
    await this.#clean()
    const fresh = await gateway.measure()
    for (const trial of trials) {
      const before = this.#runs
      await this.#try(trial)
      onTrial?.(trial.name, this.#runs - before)
      await this.#clean()
      await this.#expectNothingLeft(trial.name, fresh)
    }
    await proxy.use(NO_FAULT)
    for (const door of doors) await this.#hello(door, true)
    await this.#clean()
    const memoryGrowthBytes = (await gateway.measure()).memoryBytes - fresh.memoryBytes
    if (memoryGrowthBytes > MAX_GROWTH_BYTES) this.#wrong.push(`memory grew by ${memoryGrowthBytes} bytes`)
    return { runs: this.#runs, wrong: this.#wrong, memoryGrowthBytes }
  }

  async #try(trial: Trial): Promise<void> {
    const { doors, scenarios, leaves } = this.#options
    const told = SCENARIOS.filter(
      ({ name }) => (scenarios?.includes(name) ?? true) && (trial.isLong !== true || name === 'text'),
    )
    for (const door of doors) {
      for (const stream of [true, false]) {
        for (const each of told) await this.#stay(trial, door, stream, each)
        if (leaves === true && told[0] !== undefined) await this.#leave(trial, door, stream, told[0])
      }
    }
  }

  async #stay(trial: Trial, door: Door, stream: boolean, told: Told): Promise<void> {
    const { simulator, proxy, gateway } = this.#stage
    await this.#prepare(trial, told)
    const reply = await ask(gateway.url, { door, stream, text: this.#prompt(told) }, { withinMs: ENDS_WITHIN_MS })
    const run: Run = {
      told,
      reply,
      maxAsked: MAX_ASKED[this.#options.transport],
      mustSucceed: told.succeeds && trial.isHarmless === true,
      passedDown: proxy.links.map(({ passedDown }) => passedDown),
      asked: simulator.requests.map(({ finished }, index) => ({
        finished,
        afterOutput: this.#outputs[index] ?? false,
      })),
    }
    for (const line of judge(run)) this.#report(trial, door, stream, told.name, line)
    this.#runs += 1
  }

  /** The client leaves with the first byte, or in the middle of the wait for it. */
  async #leave(trial: Trial, door: Door, stream: boolean, told: Told): Promise<void> {
    const { simulator, proxy, gateway } = this.#stage
    await this.#prepare(trial, told)
    await ask(gateway.url, { door, stream, text: this.#prompt(told) }, { withinMs: ENDS_WITHIN_MS, leaveAfterMs: 30 })
    // A backend that fell silent may have finished its answer into nothing: then the connection alone tells.
    const isUnanswered = () =>
      simulator.requests.some(({ finished, closedAtMs }) => !finished && closedAtMs === undefined)
    const isBusy = () =>
      proxy.links.some(
        ({ isOpen, isStruck, passedUp, passedDown }) =>
          isOpen && ((isStruck && trial.isLong === true) || (isUnanswered() && passedUp !== '' && !isIdle(passedDown))),
      )
    const leftAtMs = Date.now()
    while (isBusy() && Date.now() - leftAtMs < LEFT_WITHIN_MS + SLACK_MS) await sleep(10)
    if (isBusy()) this.#report(trial, door, stream, 'client leaves', 'the backend is still connected')
    this.#runs += 1
  }

  #outputs: boolean[] = []

  async #prepare(trial: Trial, told: Told): Promise<void> {
    const { simulator, proxy } = this.#stage
    simulator.resetState()
    if (trial.spares === true) {
      await proxy.use(NO_FAULT)
      await this.#hello('chat', true)
      simulator.resetState()
    }
    await proxy.use(trial)
    this.#outputs = []
    simulator.on(
      () => true,
      () => {
        // Asked while the gateway has seen output already?
        this.#outputs.push(proxy.links.some(({ understood }) => holdsOutput(understood)))
        return told.scenario
      },
    )
  }

  /** The first scenario opens a conversation each time, which has a warm-up of its own over WebSocket. */
  #prompt({ name }: Told): string {
    return name === 'text' ? `Question ${this.#runs}` : 'Hello'
  }

  async #hello(door: Door, stream: boolean): Promise<void> {
    const reply = await ask(this.#stage.gateway.url, { door, stream, text: 'Hello' }, { withinMs: ENDS_WITHIN_MS })
    if (reply?.status !== 200)
      this.#wrong.push(`${door} without a fault: ${reply?.status} ${reply?.body.slice(0, 300)}`)
  }

  async #clean(): Promise<void> {
    const { simulator, proxy } = this.#stage
    await proxy.use(NO_FAULT)
    simulator.resetState()
  }

  /** No descriptor and no timer of the trial is left. */
  async #expectNothingLeft(name: string, fresh: Awaited<ReturnType<FaultStage['gateway']['measure']>>): Promise<void> {
    let after = fresh
    for (let tries = 0; tries < 40; tries += 1) {
      after = await this.#stage.gateway.measure()
      if (isSame(after.resources, fresh.resources) && after.openFiles <= fresh.openFiles) return
      await sleep(50)
    }
    const files = `files ${fresh.openFiles} → ${after.openFiles}`
    this.#wrong.push(
      `${name}: left behind: ${JSON.stringify(fresh.resources)} → ${JSON.stringify(after.resources)}, ${files}`,
    )
  }

  #report(trial: Trial, door: Door, stream: boolean, scenario: string, line: string): void {
    const { transport } = this.#options
    this.#wrong.push(`${transport}, ${door}${stream ? ' streamed' : ''}, ${trial.name}, ${scenario}: ${line}`)
  }
}

/** The answer is over as far as the connection goes: it may stay for the next. */
function isIdle(passedDown: string): boolean {
  return passedDown.endsWith('\r\n0\r\n\r\n')
}

function isSame(after: Readonly<Record<string, number>>, fresh: Readonly<Record<string, number>>): boolean {
  return Object.entries(after).every(([kind, count]) => count <= (fresh[kind] ?? 0))
}
