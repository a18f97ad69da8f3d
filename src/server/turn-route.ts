import type { Gateway, OpenTurn, PreparedTurn } from '../gateway/gateway.ts'
import type { JsonObject } from '../lib/json.ts'
import type { Frontend, RequestClock } from '../turn/frontend.ts'
import type { Exchange } from './exchange.ts'
import { FirstTimes } from './first-times.ts'
import { readJsonBody } from './read-json-body.ts'
import { StreamWriter } from './stream-writer.ts'
import { noteRequestId, noteTransport, noteUsage, prepareTurn, pump, reportHeaders } from './turn-steps.ts'

/** A stream's headers leave this long after the request at the latest (connector.md §9.4). */
const HEADERS_WITHIN_MS = 5000

export interface TurnRouteOptions<P extends PreparedTurn> {
  readonly gateway: Gateway<P>
  readonly maxBodyBytes: number
  /** Silence after which a stream gets a sign of life, ms. */
  readonly keepaliveMs: number
}

/** Serves one client protocol over HTTP. */
export function turnRoute<P extends PreparedTurn>(frontend: Frontend, options: TurnRouteOptions<P>) {
  return async (exchange: Exchange): Promise<void> => {
    await serveTurn(exchange, await readJsonBody(exchange.request, options.maxBodyBytes), frontend, options)
  }
}

/** The same for a body that has been read. */
export async function serveTurn<P extends PreparedTurn>(
  exchange: Exchange,
  body: JsonObject,
  frontend: Frontend,
  options: TurnRouteOptions<P>,
): Promise<void> {
  const turn = frontend.parse(body, exchange)
  const prepared = await prepareTurn(turn, exchange, options.gateway)
  exchange.setHeaders(reportHeaders(prepared))

  const opening = options.gateway.open(prepared, exchange.signal)
  if (turn.stream) await stream(exchange, { frontend, prepared, opening, keepaliveMs: options.keepaliveMs })
  else await answer(exchange, frontend, prepared, opening)
}

async function answer(exchange: Exchange, frontend: Frontend, prepared: PreparedTurn, opening: Promise<OpenTurn>) {
  const open = await opening
  noteRequestId(exchange, open)
  const firsts = new FirstTimes(exchange)
  try {
    // Collected on the way; an answer in one piece needs nothing but the end.
    for await (const batch of open.events) if (!firsts.areKnown) firsts.see(batch)
  } finally {
    noteTransport(exchange, open)
  }
  exchange.setHeaders(open.headers)
  noteUsage(exchange, open)
  // The collected object is the backend's own; the doors read it with care.
  const response = open.response() as unknown as Parameters<Frontend['result']>[0]
  exchange.sendJson(200, frontend.result(response, prepared.turn, prepared.capabilities, clockOf(exchange)))
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
  const encoder = frontend.encoder(prepared.turn, prepared.capabilities, clockOf(exchange))
  const writer = new StreamWriter(exchange, encoder, { keepaliveMs, contentType: frontend.contentType })
  if (early === undefined) writer.sendHead()
  await pump(exchange, early ?? opening, writer)
}

function clockOf({ startedAtMs }: Exchange): RequestClock {
  return { startedAtMs, now: Date.now }
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
