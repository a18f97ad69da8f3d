import { type EventBatch, isOutput, isTerminal, type TurnStream } from '../turn/events.ts'

const GRACE_MS = 50

/**
 * Holds a stream back until it shows output, or until 50 ms have passed since its first event, so that a failure right
 * behind the preamble still becomes a true HTTP status (connector.md §9.4).
 * @throws whatever the stream throws in that time
 */
export async function peek(stream: TurnStream): Promise<TurnStream> {
  const iterator = stream[Symbol.asyncIterator]()
  const held: EventBatch[] = []
  const first = await iterator.next()
  if (first.done) return replay(held, undefined, iterator)
  held.push(first.value)

  const grace = startGrace()
  try {
    while (!held.some(showsOutput)) {
      const pending = iterator.next()
      const next = await Promise.race([pending, grace.over])
      if (next === undefined) return replay(held, pending, iterator)
      if (next.done) break
      held.push(next.value)
    }
  } finally {
    grace.stop()
  }
  return replay(held, undefined, iterator)
}

function showsOutput(batch: EventBatch): boolean {
  return batch.some((event) => isOutput(event) || isTerminal(event.type))
}

function startGrace(): { over: Promise<undefined>; stop: () => void } {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => resolve(undefined), GRACE_MS)
  return { over: promise, stop: () => clearTimeout(timer) }
}

async function* replay(
  held: readonly EventBatch[],
  pending: Promise<IteratorResult<EventBatch>> | undefined,
  iterator: AsyncIterator<EventBatch>,
): AsyncGenerator<EventBatch> {
  // A failure that comes while the held events are still being written must not count as unhandled.
  pending?.catch(() => {})
  try {
    yield* held
    let next = await (pending ?? iterator.next())
    while (!next.done) {
      yield next.value
      next = await iterator.next()
    }
  } finally {
    await iterator.return?.()
  }
}
