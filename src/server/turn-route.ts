import type { Gateway, OpenTurn, PreparedTurn } from '../gateway/gateway.ts'
import { isObject, numberAt, objectAt } from '../lib/json.ts'
import type { TransportStats } from '../turn/connector.ts'
import type { Frontend } from '../turn/frontend.ts'
import type { Exchange } from './exchange.ts'
import { readJsonBody } from './read-json-body.ts'
import { StreamWriter } from './stream-writer.ts'

/** A stream's headers leave this long after the request at the latest (connector.md §9.4). */
const HEADERS_WITHIN_MS = 5000
/** A model's name is the client's word, and as long as it likes. */
const MAX_LOGGED_CHARACTERS = 200

export interface TurnRouteOptions<P extends PreparedTurn> {
  readonly gateway: Gateway<P>
  readonly maxBodyBytes: number
  /** Silence after which a stream gets a sign of life, ms. */
  readonly keepaliveMs: number
}

/** Serves one client protocol. Abort, backpressure, heartbeats and late errors are handled here and nowhere else. */
export function turnRoute<P extends PreparedTurn>(frontend: Frontend, options: TurnRouteOptions<P>) {
  return async (exchange: Exchange): Promise<void> => {
    const body = await readJsonBody(exchange.request, options.maxBodyBytes)
    const turn = frontend.parse(body, exchange)
    const model = turn.model.slice(0, MAX_LOGGED_CHARACTERS)
    Object.assign(exchange.notes, { family: turn.client.family, model, stream: turn.stream })

    const prepared = await options.gateway.prepare(turn, exchange.signal)
    Object.assign(exchange.notes, { slug: prepared.slug, dropped: prepared.dropped, adjusted: prepared.adjusted })
    exchange.setHeaders(reportHeaders(prepared))

    const opening = options.gateway.open(prepared, exchange.signal)
    if (turn.stream) await stream(exchange, { frontend, prepared, opening, keepaliveMs: options.keepaliveMs })
    else await answer(exchange, frontend, prepared, opening)
  }
}

async function answer(exchange: Exchange, frontend: Frontend, prepared: PreparedTurn, opening: Promise<OpenTurn>) {
  const open = await opening
  noteRequestId(exchange, open)
  for await (const _ of open.events) {
    // Collected on the way; an answer in one piece needs nothing but the end.
  }
  exchange.setHeaders(open.headers)
  noteUsage(exchange, open)
  // The collected object is the backend's own; the doors read it with care.
  const response = open.response() as unknown as Parameters<Frontend['result']>[0]
  exchange.sendJson(200, frontend.result(response, prepared.turn, prepared.capabilities))
}

interface StreamTask {
  readonly frontend: Frontend
  readonly prepared: PreparedTurn
  readonly opening: Promise<OpenTurn>
  readonly keepaliveMs: number
}

async function stream(exchange: Exchange, { frontend, prepared, opening, keepaliveMs }: StreamTask): Promise<void> {
  const early = await within(opening, exchange.startedAtMs + HEADERS_WITHIN_MS - Date.now())
  if (early !== undefined) exchange.setHeaders(early.headers)
  if (exchange.clientLeft) {
    await discard(opening)
    return
  }

  const encoder = frontend.encoder(prepared.turn, prepared.capabilities)
  const writer = new StreamWriter(exchange, encoder, keepaliveMs)
  try {
    if (early === undefined) writer.sendHead()
    const open = early ?? (await opening)
    noteRequestId(exchange, open)
    for await (const batch of open.events) {
      const full = writer.write(encoder.push(batch))
      if (full) await writer.drained(exchange.signal)
    }
    noteUsage(exchange, open)
  } catch (thrown) {
    const error = exchange.failure(thrown)
    exchange.notes.error = error.code ?? error.kind
    if (error.kind === 'internal_error') exchange.notes.cause = thrown
    if (!exchange.clientLeft) writer.write(encoder.fail(error))
  } finally {
    writer.end()
  }
}

/** The value if it comes in time, else undefined. A rejection in time is thrown. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => resolve(undefined), Math.max(ms, 0))
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

async function discard(opening: Promise<OpenTurn>): Promise<void> {
  const open = await opening
  await open.events[Symbol.asyncIterator]().return?.()
}

function reportHeaders({ dropped, adjusted }: PreparedTurn): Record<string, string> {
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
function noteRequestId(exchange: Exchange, open: OpenTurn): void {
  exchange.notes.upstream_request_id = open.headers['x-request-id']
}

function noteUsage(exchange: Exchange, open: OpenTurn): void {
  const { notes } = exchange
  noteTransport(exchange, open.stats)
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
function noteTransport({ notes }: Exchange, stats: TransportStats): void {
  notes.transport = stats.transport
  notes.upstream_bytes = stats.bytesSent
  if (stats.itemsSkipped > 0) notes.items_skipped = stats.itemsSkipped
  if (stats.reconnects > 0) notes.reconnects = stats.reconnects
  if (stats.upgradeMs !== undefined) notes.upgrade_ms = stats.upgradeMs
}
