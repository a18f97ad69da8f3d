import type { JsonObject } from '../lib/json.ts'
import { sumUsage } from '../turn/completion-usage.ts'
import type { EventBatch, TurnStream } from '../turn/events.ts'
import type { Turn } from '../turn/turn.ts'
import type { Gateway, OpenTurn, PreparedTurn } from './gateway.ts'

export interface PreparedTurns<P extends PreparedTurn> extends PreparedTurn {
  readonly first: P
  readonly others: readonly P[]
}

/**
 * One exchange for the several turns of one request: all are checked before the first is sent; then one is opened when
 * the one before has ended, so that a failure, or a client that leaves, costs none of those behind it.
 */
export class SequentialTurns<P extends PreparedTurn> implements Gateway<PreparedTurns<P>> {
  readonly #gateway: Gateway<P>

  constructor(gateway: Gateway<P>) {
    this.#gateway = gateway
  }

  async prepare(turn: Turn, signal: AbortSignal): Promise<PreparedTurns<P>> {
    const first = await this.#gateway.prepare(turn, signal)
    const others: P[] = []
    for (const other of turn.further ?? []) others.push(await this.#gateway.prepare(other, signal))
    const { capabilities, slug, dropped, adjusted } = first
    return { turn, capabilities, slug, dropped, adjusted, first, others }
  }

  /** The answer's object is the first one's; its `further` holds the others, its usage is that of all. */
  async open({ first, others }: PreparedTurns<P>, signal: AbortSignal): Promise<OpenTurn> {
    const open = await this.#gateway.open(first, signal)
    if (others.length === 0) return open
    const opened = [open]
    const waiting = [...others]
    const events = new ChainedStream(open.events, async () => {
      const next = waiting.shift()
      if (next === undefined) return undefined
      const following = await this.#gateway.open(next, signal)
      opened.push(following)
      return following.events
    })
    return { headers: open.headers, stats: open.stats, events, response: () => merge(opened) }
  }
}

function merge(opened: readonly OpenTurn[]): JsonObject {
  const responses = opened.map((open) => open.response())
  const [first, ...further] = responses
  return { ...first, usage: sumUsage(responses.map(({ usage }) => usage)), further }
}

/** Streams one behind the other, each opened when it is needed. */
class ChainedStream implements TurnStream, AsyncIterator<EventBatch> {
  #current: AsyncIterator<EventBatch>
  readonly #openNext: () => Promise<TurnStream | undefined>

  constructor(first: TurnStream, openNext: () => Promise<TurnStream | undefined>) {
    this.#current = first[Symbol.asyncIterator]()
    this.#openNext = openNext
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<EventBatch>> {
    for (;;) {
      const step = await this.#current.next()
      if (!step.done) return step
      const following = await this.#openNext()
      if (following === undefined) return step
      this.#current = following[Symbol.asyncIterator]()
    }
  }

  async return(): Promise<IteratorResult<EventBatch>> {
    await this.#current.return?.()
    return { done: true, value: undefined }
  }
}
