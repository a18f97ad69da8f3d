import { type JsonObject, parseJsonObject } from '../lib/json.ts'
import type { Issuer } from './issuer.ts'
import type { OtherCall, RecordedRequest } from './records.ts'
import { detail, type Refusal } from './refusal.ts'
import { type CheckedRequest, findRefusal } from './rules.ts'
import { parseScenario, type Scenario } from './scenario.ts'
import type { Script } from './script.ts'
import type { ScriptedCalls } from './scripted-calls.ts'
import { toUpgradeRefusal } from './socket-endpoint.ts'
import { toCheckable } from './socket-message.ts'

const UNLISTED_MODELS = ['gpt-5.1-codex', 'gpt-5.3-codex-spark']

export interface DecisionOptions {
  readonly strict?: boolean
  readonly anyToken?: boolean
  readonly unlistedModels?: readonly string[]
  readonly webSocket?: 'accept' | 'hang' | number
}

/** Whether a request is answered, and by which scenario, whatever it came over. */
export class Decisions {
  readonly #options: DecisionOptions
  readonly #issuer: Issuer
  readonly #script: Script
  readonly #scripted: ScriptedCalls
  /** The catalogue at the time of asking. */
  readonly #models: () => readonly JsonObject[]

  constructor(
    options: DecisionOptions,
    issuer: Issuer,
    script: Script,
    scripted: ScriptedCalls,
    models: () => readonly JsonObject[],
  ) {
    this.#options = options
    this.#issuer = issuer
    this.#script = script
    this.#scripted = scripted
    this.#models = models
  }

  findRefusal(request: RecordedRequest): Refusal | undefined {
    const { strict = true, anyToken = false } = this.#options
    const unauthorized = anyToken ? undefined : this.#issuer.findAuthRefusal(request.headers)
    if (unauthorized !== undefined || !strict) return unauthorized
    if (parseJsonObject(request.bodyBytes) === undefined) return detail('Invalid JSON body')
    return this.#findRuleRefusal(request)
  }

  /** The sign-in was looked at when the connection was made. */
  findMessageRefusal(request: RecordedRequest, earlier: readonly JsonObject[]): Refusal | undefined {
    const { strict = true } = this.#options
    return strict ? this.#findRuleRefusal(toCheckable(request, earlier)) : undefined
  }

  /** A scenario that cannot be played is an answer too: one that says why. */
  takeScenario(request: RecordedRequest): Scenario {
    try {
      return this.#script.take(request)
    } catch (thrown) {
      return { name: 'broken script', ...detail(thrown instanceof Error ? thrown.message : String(thrown)) }
    }
  }

  takeUpgrade(call: OtherCall): Scenario | undefined {
    const scripted = this.#scripted.take('upgrade')
    if (scripted === 'hang') return { end: 'stall' }
    if (scripted !== undefined) return parseScenario(scripted)
    const [, model] = /(?:^|;)model=([^;]+)/.exec(String(call.headers['x-codex-routing-hint'])) ?? []
    return this.#script.takeUpgrade(model)
  }

  findUpgradeRefusal({ headers }: OtherCall): Scenario | undefined {
    const { webSocket = 'accept', anyToken = false } = this.#options
    if (webSocket === 'hang') return { end: 'stall' }
    if (webSocket !== 'accept') return toUpgradeRefusal(webSocket)
    return anyToken ? undefined : this.#issuer.findAuthRefusal(headers)
  }

  #findRuleRefusal(request: Omit<CheckedRequest, 'models' | 'unlistedModels'>): Refusal | undefined {
    const { unlistedModels = UNLISTED_MODELS } = this.#options
    return findRefusal({ ...request, models: this.#models(), unlistedModels })
  }
}
