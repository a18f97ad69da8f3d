import { BUILTIN_SCENARIO_NAMES } from './builtin-scenarios.ts'
import type { OtherCall, RecordedConnection, RecordedRequest } from './records.ts'
import { detail, type Refusal } from './refusal.ts'

export interface Controlled {
  /** Of the scenarios the simulator was started with. */
  readonly names: readonly string[]
  readonly requests: readonly RecordedRequest[]
  readonly warmUps: readonly RecordedRequest[]
  readonly connections: readonly RecordedConnection[]
  readonly calls: readonly OtherCall[]
  /** @throws Error for a scenario that is none */
  play(scenario: unknown): void
  reset(): void
}

/** The endpoint for tests in another process: `/_simulator`, `/_simulator/requests`, `/_simulator/scenario`. */
export function answerControl(method: string, url: string, text: string, controlled: Controlled): Refusal {
  const path = url.replace(/\?.*/s, '').replace(/\/$/, '')
  if (path === '/_simulator' && method === 'DELETE') {
    controlled.reset()
    return { status: 200, body: { reset: true } }
  }
  if (path === '/_simulator' && method === 'GET') {
    return { status: 200, body: { scenarios: controlled.names, builtin_scenarios: BUILTIN_SCENARIO_NAMES } }
  }
  if (path === '/_simulator/requests' && method === 'GET') {
    const { requests, warmUps, connections, calls } = controlled
    return { status: 200, body: { requests, warm_ups: warmUps, connections, calls } }
  }
  if (path === '/_simulator/scenario' && method === 'POST') return playAll(text, controlled)
  return detail('GET or DELETE /_simulator, GET /_simulator/requests, POST /_simulator/scenario', 404)
}

/** One scenario, `{"name": …}` of a known one, or a list of either. */
function playAll(text: string, controlled: Controlled): Refusal {
  try {
    const value: unknown = JSON.parse(text)
    const scenarios = Array.isArray(value) ? value : [value]
    for (const scenario of scenarios) controlled.play(scenario)
    return { status: 200, body: { queued: scenarios.length } }
  } catch (thrown) {
    return detail(thrown instanceof Error ? thrown.message : String(thrown))
  }
}
