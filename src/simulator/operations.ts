import { randomBytes } from 'node:crypto'
import { wordOf } from '../lib/json.ts'
import { expandScenario, type Operation } from './expand-scenario.ts'
import { type RecordedRequest, toFullBody } from './records.ts'
import type { Scenario } from './scenario.ts'
import type { UsageEstimate } from './usage-estimate.ts'

/** What a scenario's stream makes of one request, whatever it travels over. */
export function toOperations(scenario: Scenario, request: RecordedRequest, usage: UsageEstimate): Iterable<Operation> {
  const operations = expandScenario(scenario.stream ?? [], {
    model: wordOf(request.body.model ?? ''),
    newId: (prefix) => prefix + randomBytes(24).toString('hex'),
    usage: usage.estimate(toFullBody(request)),
  })
  return scenario.after_events === undefined ? operations : untilEvents(operations, scenario.after_events)
}

function* untilEvents(operations: Iterable<Operation>, count: number): Generator<Operation> {
  let events = 0
  for (const operation of operations) {
    if (events === count) return
    yield operation
    // The backend's own family precedes an answer rather than belonging to it.
    if (operation.kind === 'event' && !operation.event.type.startsWith('codex.')) events += 1
  }
}
