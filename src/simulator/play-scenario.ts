import { sleep } from '../lib/sleep.ts'
import type { RawEvent } from './events.ts'
import type { Operation } from './expand-scenario.ts'

/** Where a script's output goes: an SSE body, or WebSocket messages. */
export interface EventSink {
  event(event: RawEvent): Promise<void>
  raw(text: string): Promise<void>
  comment(text: string): Promise<void>
  /** Hands over what is held back. */
  flush(): Promise<void>
}

/** Rejects with the signal's reason when the receiver is gone. */
export async function playScenario(
  operations: Iterable<Operation>,
  sink: EventSink,
  paceMs: number,
  signal: AbortSignal,
): Promise<void> {
  for (const operation of operations) {
    signal.throwIfAborted()
    if (operation.kind === 'raw') await sink.raw(operation.text)
    else if (operation.kind === 'comment') await sink.comment(operation.text)
    else if (operation.kind === 'pause') await pause(sink, operation.ms, signal)
    else {
      await sink.event(operation.event)
      if (paceMs > 0) await pause(sink, paceMs, signal)
    }
  }
  await sink.flush()
}

async function pause(sink: EventSink, ms: number, signal: AbortSignal): Promise<void> {
  await sink.flush()
  await sleep(ms, signal)
}
