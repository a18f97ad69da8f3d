/** A label's value; the caller sees to it that there are few. */
export type Labels = Readonly<Record<string, string>>

export interface MetricInfo {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly labels: readonly string[]
}

interface Metric extends MetricInfo {
  lines(): Iterable<string>
}

/** Numbers about this process, in Prometheus' text format 0.0.4. */
export class MetricsRegistry {
  readonly #metrics: Metric[] = []

  /** What there is, in the order it was made. */
  get described(): readonly MetricInfo[] {
    return this.#metrics
  }

  counter(name: string, help: string, labels: readonly string[] = []): Counter {
    return this.#keep(new Counter({ name, type: 'counter', help, labels }))
  }

  /** @param buckets upper bounds, rising; the infinite one is added */
  histogram(name: string, help: string, buckets: readonly number[], labels: readonly string[] = []): Histogram {
    return this.#keep(new Histogram({ name, type: 'histogram', help, labels }, buckets))
  }

  /** @param read is asked whenever somebody looks */
  gauge(name: string, help: string, labels: readonly string[], read: () => Iterable<readonly [Labels, number]>): void {
    const info = { name, type: 'gauge', help, labels } as const
    this.#keep({ ...info, lines: () => [...read()].map((entry) => toLine(name, labels, ...entry)) })
  }

  render(): string {
    const blocks = this.#metrics.map((metric) => {
      const { name, type, help } = metric
      return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...metric.lines()].join('\n')
    })
    return `${blocks.join('\n')}\n`
  }

  #keep<T extends Metric>(metric: T): T {
    this.#metrics.push(metric)
    return metric
  }
}

/** Only grows. */
export class Counter implements Metric {
  readonly name: string
  readonly type = 'counter'
  readonly help: string
  readonly labels: readonly string[]
  readonly #series = new Map<string, { readonly labels: Labels; value: number }>()

  constructor({ name, help, labels }: MetricInfo) {
    this.name = name
    this.help = help
    this.labels = labels
  }

  add(value = 1, labels: Labels = {}): void {
    const key = keyOf(this.labels, labels)
    const known = this.#series.get(key)
    if (known === undefined) this.#series.set(key, { labels, value })
    else known.value += value
  }

  lines(): string[] {
    const lines = [...this.#series.values()].map(({ labels, value }) => toLine(this.name, this.labels, labels, value))
    // Without labels there is one series from the start, so that a rate can be told from its first step.
    return lines.length === 0 && this.labels.length === 0 ? [toLine(this.name, [], {}, 0)] : lines
  }
}

interface Observed {
  readonly labels: Labels
  /** How many fell into each bucket; the last is the infinite one. */
  readonly counts: number[]
  sum: number
}

/** How values are spread. */
export class Histogram implements Metric {
  readonly name: string
  readonly type = 'histogram'
  readonly help: string
  readonly labels: readonly string[]
  readonly #buckets: readonly number[]
  readonly #series = new Map<string, Observed>()

  constructor({ name, help, labels }: MetricInfo, buckets: readonly number[]) {
    this.name = name
    this.help = help
    this.labels = labels
    this.#buckets = buckets
  }

  observe(value: number, labels: Labels = {}): void {
    const key = keyOf(this.labels, labels)
    const known = this.#series.get(key) ?? { labels, counts: Array(this.#buckets.length + 1).fill(0), sum: 0 }
    this.#series.set(key, known)
    const bucket = this.#buckets.findIndex((bound) => value <= bound)
    const index = bucket < 0 ? this.#buckets.length : bucket
    known.counts[index] = (known.counts[index] ?? 0) + 1
    known.sum += value
  }

  *lines(): Generator<string> {
    for (const { labels, counts, sum } of this.#series.values()) {
      let total = 0
      for (const [index, count] of counts.entries()) {
        total += count
        const le = String(this.#buckets[index] ?? '+Inf')
        yield toLine(`${this.name}_bucket`, [...this.labels, 'le'], { ...labels, le }, total)
      }
      yield toLine(`${this.name}_sum`, this.labels, labels, Math.round(sum * 1e6) / 1e6)
      yield toLine(`${this.name}_count`, this.labels, labels, total)
    }
  }
}

function keyOf(names: readonly string[], labels: Labels): string {
  return names.map((name) => labels[name] ?? '').join('\n')
}

function toLine(name: string, names: readonly string[], labels: Labels, value: number): string {
  const pairs = names.map((label) => `${label}="${escaped(labels[label] ?? '')}"`)
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`
}

function escaped(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/\n/g, '\\n').replace(/"/g, '\\"')
}
