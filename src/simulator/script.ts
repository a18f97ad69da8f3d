import { findBuiltinScenario } from './builtin-scenarios.ts'
import { toConversation } from './conversation.ts'
import { defaultAnswer } from './default-answer.ts'
import type { RecordedRequest } from './records.ts'
import { parseScenario, type Scenario, type ScenarioInput } from './scenario.ts'

const MARKER = /\[\[scenario:([^\]]+)\]\]/

interface Queued {
  readonly scenario: Scenario
  left: number
}

interface Rule {
  readonly predicate: (request: RecordedRequest) => boolean
  readonly answer: (request: RecordedRequest) => ScenarioInput | string
}

/** Decides which scenario answers a request. */
export class Script {
  readonly #library: readonly Scenario[]
  #rules: Rule[] = []
  #queue: Queued[] = []
  #remoteQueue: Queued[] = []

  constructor(library: readonly (ScenarioInput | Scenario)[] = []) {
    this.#library = library.map((scenario, index) => parseScenario(scenario, `scenarios[${index}]`))
  }

  /** Queues for the next requests; a string names a scenario. */
  play(scenarios: readonly (ScenarioInput | string)[]): void {
    this.#queue.push(...scenarios.map((scenario) => this.#toQueued(scenario)))
  }

  /** The same from the control endpoint; the program's own queue goes first. */
  playRemote(scenario: unknown): void {
    this.#remoteQueue.push(this.#toQueued(scenario))
  }

  /** For every request the predicate holds for, ahead of all queues. */
  on(
    predicate: (request: RecordedRequest) => boolean,
    answer: (request: RecordedRequest) => ScenarioInput | string,
  ): void {
    this.#rules.push({ predicate, answer })
  }

  reset(): void {
    this.#rules = []
    this.#queue = []
    this.#remoteQueue = []
  }

  get names(): string[] {
    return this.#library.flatMap(({ name }) => (name === undefined ? [] : [name]))
  }

  /** Takes the scenario for this request. @throws Error for a name nobody knows */
  take(request: RecordedRequest): Scenario {
    const rule = this.#rules.find(({ predicate }) => predicate(request))
    if (rule !== undefined) return this.#toScenario(rule.answer(request))
    return (
      takeFrom(this.#queue, request) ??
      takeFrom(this.#remoteQueue, request) ??
      this.#marked(request) ??
      this.#library.find((scenario) => scenario.match !== undefined && fits(scenario, request)) ??
      parseScenario({ stream: defaultAnswer(request.body) }, 'default answer')
    )
  }

  #marked(request: RecordedRequest): Scenario | undefined {
    const { prompt, isFreshPrompt } = toConversation(request.body)
    const name = isFreshPrompt ? MARKER.exec(prompt)?.[1] : undefined
    if (name === undefined) return undefined
    return this.#library.find(({ match }) => match?.marker === name) ?? this.#toScenario(name)
  }

  #toQueued(value: unknown): Queued {
    const scenario = this.#toScenario(value)
    return { scenario, left: scenario.repeat === 'always' ? Number.POSITIVE_INFINITY : (scenario.repeat ?? 1) }
  }

  /** A name, `{name}` alone (perhaps with `repeat`), or a scenario in full. */
  #toScenario(value: unknown): Scenario {
    if (typeof value === 'string') return this.#find(value)
    const scenario = parseScenario(value)
    const { name, repeat, ...rest } = scenario
    if (name === undefined || Object.keys(rest).length > 0) return scenario
    return { ...this.#find(name), ...(repeat === undefined ? {} : { repeat }) }
  }

  #find(name: string): Scenario {
    const own = this.#library.find((scenario) => scenario.name === name)
    if (own !== undefined) return own
    const builtin = findBuiltinScenario(name)
    if (builtin === undefined) throw new Error(`No scenario is called "${name}". GET /_simulator lists them.`)
    return parseScenario({ name, ...builtin }, name)
  }
}

function takeFrom(queue: Queued[], request: RecordedRequest): Scenario | undefined {
  const index = queue.findIndex(({ scenario }) => fits(scenario, request))
  const queued = queue[index]
  if (queued === undefined) return undefined
  queued.left -= 1
  if (queued.left <= 0) queue.splice(index, 1)
  return queued.scenario
}

/** Text conditions hold only while the user's words are the last thing said, or an agent would never get on. */
function fits({ match }: Scenario, request: RecordedRequest): boolean {
  if (match === undefined) return true
  if (match.model !== undefined && match.model !== request.body.model) return false
  const { prompt, isFreshPrompt } = toConversation(request.body)
  const texts = [match.contains, match.marker === undefined ? undefined : `[[scenario:${match.marker}]]`]
  return texts.every((text) => text === undefined || (isFreshPrompt && prompt.includes(text)))
}
