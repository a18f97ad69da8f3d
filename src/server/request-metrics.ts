import { type JsonObject, numberAt, stringAt } from '../lib/json.ts'
import { type Counter, type MetricInfo, MetricsRegistry } from '../lib/metrics.ts'
import type { RequestLine } from './request-log.ts'

/** What the metrics need of a backend. */
export interface CountedBackend {
  readonly name: string
  readonly transport: { readonly openSockets: number }
}

const METHODS = new Set(['GET', 'POST', 'DELETE', 'HEAD', 'OPTIONS', 'WEBSOCKET'])
const UPGRADE_S = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]
const FIRST_S = [0.1, 0.2, 0.5, 1, 2, 4, 8, 15, 30, 60, 120]
const WHOLE_S = [0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800]

/** Prometheus metrics, made of what the log line of a request says: nothing is counted for each event. */
export class RequestMetrics {
  readonly #registry = new MetricsRegistry()
  readonly #requests = this.#counter('requests_total', 'Requests that were answered, or whose client left (499).', [
    'method',
    'route',
    'status',
    'family',
  ])
  readonly #turns = this.#counter('turns_total', 'Turns that reached the backend.', ['transport'])
  readonly #bytes = this.#counter('upstream_sent_bytes_total', 'Request bytes sent to the backend, as packed.', [
    'transport',
  ])
  readonly #skipped = this.#counter('items_skipped_total', 'Items that a continuation did not have to send again.')
  readonly #reconnects = this.#counter('reconnects_total', 'WebSockets lost before any output and replaced.')
  readonly #tokens = this.#counter('tokens_total', 'Tokens as the backend counts them; cached ones are input too.', [
    'kind',
  ])
  readonly #upgrade = this.#histogram('upgrade_seconds', 'Time a WebSocket took to open.', UPGRADE_S, [])
  readonly #firstEvent = this.#histogram('first_event_seconds', 'From the request to the first event.', FIRST_S)
  readonly #firstText = this.#histogram('first_text_seconds', 'From the request to the first text.', FIRST_S)
  readonly #whole = this.#histogram('turn_seconds', 'From the request to the end of its answer.', WHOLE_S)

  constructor(backends: readonly CountedBackend[]) {
    this.#registry.gauge('codexway_upstream_sockets', 'Open WebSockets to the backend.', ['backend'], () =>
      backends.map(({ name, transport }) => [{ backend: name }, transport.openSockets] as const),
    )
  }

  get described(): readonly MetricInfo[] {
    return this.#registry.described
  }

  render(): string {
    return this.#registry.render()
  }

  /** @param route one of the router's, never what a client made up */
  observe(route: string, { method = '', status, ms }: Omit<RequestLine, 'id' | 'path'>, notes: JsonObject): void {
    const family = stringAt(notes, 'family') ?? 'unknown'
    const known = METHODS.has(method) ? method : 'other'
    this.#requests.add(1, { method: known, route, status: String(status), family })
    const transport = stringAt(notes, 'transport')
    if (transport === undefined) return
    const labels = { transport }
    this.#turns.add(1, labels)
    this.#bytes.add(numberAt(notes, 'upstream_bytes') ?? 0, labels)
    this.#skipped.add(numberAt(notes, 'items_skipped') ?? 0)
    this.#reconnects.add(numberAt(notes, 'reconnects') ?? 0)
    for (const kind of ['input', 'output', 'cached']) {
      this.#tokens.add(numberAt(notes, `${kind}_tokens`) ?? 0, { kind })
    }
    const times = [
      [this.#upgrade, numberAt(notes, 'upgrade_ms')],
      [this.#firstEvent, numberAt(notes, 'first_event_ms')],
      [this.#firstText, numberAt(notes, 'first_text_ms')],
      [this.#whole, ms],
    ] as const
    for (const [histogram, value] of times) if (value !== undefined) histogram.observe(value / 1000, labels)
  }

  #counter(name: string, help: string, labels: readonly string[] = []): Counter {
    return this.#registry.counter(`codexway_${name}`, help, labels)
  }

  #histogram(name: string, help: string, buckets: readonly number[], labels: readonly string[] = ['transport']) {
    return this.#registry.histogram(`codexway_${name}`, help, buckets, labels)
  }
}
