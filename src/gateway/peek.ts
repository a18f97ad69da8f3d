import { type EventBatch, isOutputType, isTerminal, type TurnStream } from '../turn/events.ts'

const GRACE_MS = 50

type Step = IteratorResult<EventBatch>

/**
 * Holds a stream back until it shows output, or until 50 ms have passed since its first event, so that a failure right
 * behind the preamble still becomes a true HTTP status (connector.md §9.4).
 * @throws whatever the stream throws in that time
 */
export async function peek(stream: TurnStream): Promise<TurnStream> {
  const iterator = stream[Symbol.asyncIterator]()
  const first = await iterator.next()
  if (first.done) return new HeldStream([], undefined, iterator)
  if (showsOutput(first.value)) return new HeldStream([first.value], undefined, iterator)
  return peekFurther([first.value], iterator)
}

async function peekFurther(held: EventBatch[], iterator: AsyncIterator<EventBatch>): Promise<TurnStream> {
  const grace = startGrace()
  try {
    for (;;) {
      const pending = iterator.next()
      const next = await Promise.race([pending, grace.over])
      if (next === undefined) return new HeldStream(held, pending, iterator)
      if (next.done) break
      held.push(next.value)
      if (showsOutput(next.value)) break
    }
  } finally {
    grace.stop()
  }
  return new HeldStream(held, undefined, iterator)
}

function showsOutput(batch: EventBatch): boolean {
  return batch.some(({ type }) => isOutputType(type) || isTerminal(type))
}

function startGrace(): { over: Promise<undefined>; stop: () => void } {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => resolve(undefined), GRACE_MS)
  return { over: promise, stop: () => clearTimeout(timer) }
}

/** What was held, then the rest. Its steps are the stream's own: no promise of its own stands between. */
class HeldStream implements TurnStream, AsyncIterator<EventBatch> {
  readonly #held: EventBatch[]
  #pending: Promise<Step> | undefined
  readonly #iterator: AsyncIterator<EventBatch>

  constructor(held: EventBatch[], pending: Promise<Step> | undefined, iterator: AsyncIterator<EventBatch>) {
    this.#held = held
    this.#pending = pending
    this.#iterator = iterator
    // A failure that comes while the held events are still being written must not count as unhandled.
    pending?.catch(() => {})
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<Step> {
    const value = this.#held.shift()
    if (value !== undefined) return Promise.resolve({ done: false, value })
    const pending = this.#pending
    this.#pending = undefined
    return pending ?? this.#iterator.next()
  }

  async return(): Promise<Step> {
    this.#held.length = 0
    await this.#iterator.return?.()
    return { done: true, value: undefined }
  }
}
