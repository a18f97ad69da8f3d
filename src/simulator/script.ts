import { findBuiltinScenario } from './builtin-scenarios.ts'
import { toConversation } from './conversation.ts'
import { defaultAnswer } from './default-answer.ts'
import { type RecordedRequest, toFullBody } from './records.ts'
import { parseScenario, type Scenario, type ScenarioInput } from './scenario.ts'

const MARKER = /\[\[scenario:([^\]]+)\]\]/

type Kind = NonNullable<Scenario['answers']>

interface Queued {
  readonly scenario: Scenario
  left: number
}

interface Rule {
  readonly predicate: (request: RecordedRequest) => boolean
  readonly answer: (request: RecordedRequest) => ScenarioInput | string
}

/** Decides which scenario answers a request, a warm-up or an upgrade. */
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
    const scenario = rule === undefined ? this.#takeUnruled(request) : this.#toScenario(rule.answer(request))
    if (scenario === undefined) return usual(request)
    const isBare = scenario.stream === undefined && scenario.status === undefined
    return isBare && scenario.after_events !== undefined ? { ...scenario, stream: usual(request).stream } : scenario
  }

  /** The one for a warm-up, if there is one. */
  takeWarmUp(request: RecordedRequest): Scenario | undefined {
    return this.#takeFitting((scenario) => fits(scenario, request, 'warm_up'))
  }

  /** The one for an upgrade, if there is one. @param model from its routing hint */
  takeUpgrade(model: string | undefined): Scenario | undefined {
    return this.#takeFitting(({ answers, match = {} }) => {
      const saysNothing = match.marker === undefined && match.contains === undefined
      return answers === 'upgrade' && saysNothing && (match.model === undefined || match.model === model)
    })
  }

  #takeUnruled(request: RecordedRequest): Scenario | undefined {
    const isFitting = (scenario: Scenario) => fits(scenario, request, 'request')
    return (
      takeFrom(this.#queue, isFitting) ??
      takeFrom(this.#remoteQueue, isFitting) ??
      this.#marked(request) ??
      this.#matching(isFitting)
    )
  }

  #takeFitting(isFitting: (scenario: Scenario) => boolean): Scenario | undefined {
    return takeFrom(this.#queue, isFitting) ?? takeFrom(this.#remoteQueue, isFitting) ?? this.#matching(isFitting)
  }

  /** In the library only what has conditions is played unasked. */
  #matching(isFitting: (scenario: Scenario) => boolean): Scenario | undefined {
    return this.#library.find((scenario) => scenario.match !== undefined && isFitting(scenario))
  }

  #marked(request: RecordedRequest): Scenario | undefined {
    const { prompt, isFreshPrompt } = toConversation(toFullBody(request))
    const name = isFreshPrompt ? MARKER.exec(prompt)?.[1] : undefined
    if (name === undefined) return undefined
    const scenario = this.#library.find(({ match }) => match?.marker === name) ?? this.#toScenario(name)
    if (kindOf(scenario) !== 'request') throw new Error(`Scenario "${name}" answers no request. Queue it instead.`)
    return scenario
  }

  #toQueued(value: unknown): Queued {
    const scenario = this.#toScenario(value)
    return { scenario, left: scenario.repeat === 'always' ? Number.POSITIVE_INFINITY : (scenario.repeat ?? 1) }
  }

  /** A name, `{name}` alone (perhaps with `repeat` and `answers`), or a scenario in full. */
  #toScenario(value: unknown): Scenario {
    if (typeof value === 'string') return this.#find(value)
    const scenario = parseScenario(value)
    const { name, repeat, answers, ...rest } = scenario
    if (name === undefined || Object.keys(rest).length > 0) return scenario
    const own = { ...(repeat === undefined ? {} : { repeat }), ...(answers === undefined ? {} : { answers }) }
    return { ...this.#find(name), ...own }
  }

  #find(name: string): Scenario {
    const own = this.#library.find((scenario) => scenario.name === name)
    if (own !== undefined) return own
    const builtin = findBuiltinScenario(name)
    if (builtin === undefined) throw new Error(`No scenario is called "${name}". GET /_simulator lists them.`)
    return parseScenario({ name, ...builtin }, name)
  }
}

function takeFrom(queue: Queued[], isFitting: (scenario: Scenario) => boolean): Scenario | undefined {
  const index = queue.findIndex(({ scenario }) => isFitting(scenario))
  const queued = queue[index]
  if (queued === undefined) return undefined
  queued.left -= 1
  if (queued.left <= 0) queue.splice(index, 1)
  return queued.scenario
}

/** Text conditions hold only while the user's words are the last thing said, or an agent would never get on. */
function fits(scenario: Scenario, request: RecordedRequest, kind: Kind): boolean {
  const { match } = scenario
  if (kindOf(scenario) !== kind) return false
  if (match === undefined) return true
  if (match.model !== undefined && match.model !== request.body.model) return false
  const { prompt, isFreshPrompt } = toConversation(toFullBody(request))
  const texts = [match.contains, match.marker === undefined ? undefined : `[[scenario:${match.marker}]]`]
  return texts.every((text) => text === undefined || (isFreshPrompt && prompt.includes(text)))
}

function kindOf({ answers = 'request' }: Scenario): Kind {
  return answers
}

function usual(request: RecordedRequest): Scenario {
  return parseScenario({ stream: defaultAnswer(toFullBody(request)) }, 'default answer')
}
