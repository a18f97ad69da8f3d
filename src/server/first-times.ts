import type { JsonObject } from '../lib/json.ts'
import type { EventBatch } from '../turn/events.ts'

const TEXT_EVENTS = new Set(['response.output_text.delta', 'response.output_text.done', 'response.refusal.delta'])

/** Notes when the first event and the first text came, ms since the request; there is nothing to do after those. */
export class FirstTimes {
  areKnown = false
  readonly #notes: JsonObject
  readonly #startedAtMs: number

  constructor({ notes, startedAtMs }: { readonly notes: JsonObject; readonly startedAtMs: number }) {
    this.#notes = notes
    this.#startedAtMs = startedAtMs
  }

  see(batch: EventBatch): void {
    const notes = this.#notes
    notes.first_event_ms ??= Date.now() - this.#startedAtMs
    if (!batch.some(({ type }) => TEXT_EVENTS.has(type))) return
    notes.first_text_ms = Date.now() - this.#startedAtMs
    this.areKnown = true
  }
}
