import type { Gateway, OpenTurn, PreparedTurn } from '../gateway/gateway.ts'
import { isObject, type JsonObject, numberAt, objectAt } from '../lib/json.ts'
import type { ResponseMemory } from '../store/response-store.ts'
import type { GatewayError } from '../turn/errors.ts'
import type { EventBatch } from '../turn/events.ts'
import type { Turn } from '../turn/turn.ts'
import { FirstTimes } from './first-times.ts'
import type { Stoppable } from './stoppable.ts'

/** Who waits for a turn: a request, or a message on a socket. */
export interface Asker extends Stoppable {
  /** What the log line says besides status and time. */
  readonly notes: JsonObject
  readonly startedAtMs: number
  readonly clientLeft: boolean
}

/** Where a streamed answer goes. */
export interface TurnSink {
  /** Before the first batch. */
  begin?(open: OpenTurn): void
  /** @returns true if the client takes no more for now: await `drained` before the next batch */
  take(batch: EventBatch): boolean
  drained(signal: AbortSignal): Promise<void>
  fail(error: GatewayError): void
  /** In any case, last. */
  end(): void
}

/** A model's name is the client's word, and as long as it likes. */
const MAX_LOGGED_CHARACTERS = 200

/** @throws GatewayError for everything that can be known before the backend is called */
export async function prepareTurn<P extends PreparedTurn>(
  turn: Turn,
  { notes, signal }: Asker,
  gateway: Gateway<P>,
  memory?: ResponseMemory,
): Promise<P> {
  Object.assign(notes, toTurnNotes(turn), { stream: turn.stream })
  const prepared = await gateway.prepare(turn, signal, memory)
  Object.assign(notes, { slug: prepared.slug, dropped: prepared.dropped, adjusted: prepared.adjusted })
  return prepared
}

/** Who asked for which model. */
export function toTurnNotes({ client, model }: Turn): JsonObject {
  return { family: client.family, model: model.slice(0, MAX_LOGGED_CHARACTERS) }
}

/** Everything from the first event to the last; a failure is the sink's to tell. */
export async function pump(asker: Asker, opening: OpenTurn | Promise<OpenTurn>, sink: TurnSink): Promise<void> {
  let open: OpenTurn | undefined
  try {
    open = await opening
    noteRequestId(asker, open)
    sink.begin?.(open)
    const firsts = new FirstTimes(asker)
    for await (const batch of open.events) {
      if (!firsts.areKnown) firsts.see(batch)
      const full = sink.take(batch)
      if (full) await sink.drained(asker.signal)
    }
    noteUsage(asker, open)
  } catch (thrown) {
    const error = asker.failure(thrown)
    noteFailure(asker, error, thrown)
    if (!asker.clientLeft) sink.fail(error)
  } finally {
    if (open !== undefined) noteTransport(asker, open)
    sink.end()
  }
}

export function noteFailure({ notes }: Asker, error: GatewayError, thrown: unknown): void {
  notes.error = error.code ?? error.kind
  if (error.kind === 'internal_error') notes.cause = thrown
}

/** What was left out of the request, or changed in it (connector.md §12.1). */
export function reportHeaders({
  dropped,
  adjusted,
}: Pick<PreparedTurn, 'dropped' | 'adjusted'>): Record<string, string> {
  const headers: Record<string, string> = {}
  if (dropped.length > 0) headers['x-codexway-dropped-params'] = toHeaderValue(dropped)
  if (adjusted.length > 0) headers['x-codexway-adjusted-params'] = toHeaderValue(adjusted)
  return headers
}

const MAX_HEADER_CHARACTERS = 4000

/** A client may name a field anything; a header may not. */
function toHeaderValue(names: readonly string[]): string {
  const value = names.map((name) => name.replace(/[^\x21-\x7e]/g, '?')).join(', ')
  return value.length > MAX_HEADER_CHARACTERS ? `${value.slice(0, MAX_HEADER_CHARACTERS)}...` : value
}

/** Before the first event, so that it is known of answers that end badly too. */
export function noteRequestId({ notes }: Asker, open: OpenTurn): void {
  notes.upstream_request_id = open.headers['x-request-id']
}

export function noteUsage({ notes }: Asker, open: OpenTurn): void {
  const usage = open.response().usage
  if (!isObject(usage)) return
  const input = numberAt(usage, 'input_tokens')
  const cached = numberAt(objectAt(usage, 'input_tokens_details') ?? {}, 'cached_tokens')
  notes.input_tokens = input
  notes.output_tokens = numberAt(usage, 'output_tokens')
  notes.cached_tokens = cached
  if (input !== undefined && input > 0 && cached !== undefined)
    notes.cached_ratio = Math.round((cached / input) * 100) / 100
}

/** How the turn reached the backend; zeros are left out. */
export function noteTransport({ notes }: Asker, { stats }: OpenTurn): void {
  notes.transport = stats.transport
  notes.upstream_bytes = stats.bytesSent
  if (stats.itemsSkipped > 0) notes.items_skipped = stats.itemsSkipped
  if (stats.reconnects > 0) notes.reconnects = stats.reconnects
  if (stats.upgradeMs !== undefined) notes.upgrade_ms = stats.upgradeMs
}
