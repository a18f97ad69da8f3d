import { randomUUID } from 'node:crypto'
import type { OutgoingHttpHeaders } from 'node:http'
import { wordOf } from '../lib/json.ts'
import type { RecordedRequest } from './records.ts'
import type { Scenario } from './scenario.ts'

/** What the backend puts on every generating answer (upstream.md §1.6, backend-facts.md §10). */
export function toAnswerHeaders(request: RecordedRequest, modelsEtag: string): OutgoingHttpHeaders {
  const nowS = Math.floor(Date.now() / 1000)
  const requestId = randomUUID()
  return {
    'x-codex-active-limit': 'codex',
    'x-codex-limit-name': 'codex',
    'x-codex-plan-type': 'plus',
    'x-codex-primary-used-percent': '12',
    'x-codex-primary-window-minutes': '300',
    'x-codex-primary-reset-after-seconds': '3600',
    'x-codex-primary-reset-at': String(nowS + 3600),
    'x-codex-secondary-used-percent': '34',
    'x-codex-secondary-window-minutes': '10080',
    'x-codex-secondary-reset-after-seconds': '200000',
    'x-codex-secondary-reset-at': String(nowS + 200_000),
    'x-codex-credits-has-credits': 'False',
    'x-codex-credits-unlimited': 'False',
    'x-codex-credits-balance': '0',
    'x-codex-turn-state': String(request.headers['x-codex-turn-state'] ?? `turn-state-${requestId.slice(0, 8)}`),
    'x-models-etag': modelsEtag,
    'x-request-id': requestId,
    'x-oai-request-id': requestId,
    'openai-model': wordOf(request.body.model ?? ''),
    'set-cookie': '__cf_bm=simulated; path=/; HttpOnly',
  }
}

/** The scenario's own headers over the given ones; null takes one away. */
export function withScenarioHeaders(headers: OutgoingHttpHeaders, scenario: Scenario): OutgoingHttpHeaders {
  const merged = { ...headers }
  for (const [name, value] of Object.entries({ ...scenario.headers, ...scenario.response_headers })) {
    if (value === null) delete merged[name.toLowerCase()]
    else merged[name.toLowerCase()] = value
  }
  return merged
}
