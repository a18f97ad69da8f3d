import { setTimeout as delay } from 'node:timers/promises'
import type { JsonObject } from '../../lib/json.ts'
import type { Credential, CredentialSource, OpenStream } from '../../turn/connector.ts'
import { GatewayError } from '../../turn/errors.ts'
import { type EventBatch, isTerminal, type TurnEvent, type TurnStream } from '../../turn/events.ts'
import { type FailureContext, toEventFailure, toHttpFailure } from './failures.ts'
import type { HttpClient, HttpResponse } from './http-client.ts'
import { isConnectError } from './http-client.ts'
import { fromEvent, fromHeaders, type RateLimits } from './rate-limits.ts'
import { toClientHeaders } from './response-headers.ts'
import { SseDecoder } from './sse.ts'

/** One POST, ready to go. */
export interface Attempt {
  readonly url: string
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Buffer | string
}

export interface TurnRequest extends FailureContext {
  readonly credentials: CredentialSource
  /** Builds the request anew for the credential it will carry. */
  readonly prepareAttempt: (credential: Credential) => Promise<Attempt>
  readonly timeoutMs: number
  readonly observer: TransportObserver
}

/** Told of what the backend says beside the answer. */
export interface TransportObserver {
  answered(response: HttpResponse, credential: Credential): void
  limited(limits: RateLimits): void
}

const RETRY_DELAY_S = 0.5
const MAX_RETRY_AFTER_S = 5
/** A try that took longer failed for a reason that another try is likely to meet too. */
const RETRY_WITHIN_MS = 15_000

/**
 * Sends a turn over HTTP and reads its answer up to the first event. Retries as connector.md §13.3 allows: once after a
 * 401 with another token, once after a connect error or 502–504; never once an event has come.
 * @throws GatewayError
 */
export async function openTurnStream(
  client: HttpClient,
  request: TurnRequest,
  signal: AbortSignal,
): Promise<OpenStream> {
  let credential = await request.credentials.current(signal)
  let mayRenew = true
  let mayRepeat = true
  for (;;) {
    const startedAtMs = Date.now()
    try {
      return await attempt(client, request, credential, signal)
    } catch (thrown) {
      const error = GatewayError.from(thrown)
      if (error.kind === 'codex_auth_rejected' && mayRenew) {
        mayRenew = false
        credential = await request.credentials.renew(credential, signal)
        continue
      }
      const waitSeconds = mayRepeat && Date.now() - startedAtMs <= RETRY_WITHIN_MS ? retryDelay(error) : undefined
      if (waitSeconds === undefined) throw error
      mayRepeat = false
      await delay(waitSeconds * 1000, undefined, { signal }).catch(() => {
        throw signal.reason
      })
    }
  }
}

/** Seconds to wait before the one repetition; undefined = the failure is passed on. */
function retryDelay(error: GatewayError): number | undefined {
  const isWorthIt =
    (error.kind === 'upstream_unreachable' && isConnectError(error)) ||
    (error.event === undefined &&
      (error.kind === 'server_error' || error.kind === 'server_is_overloaded') &&
      [502, 503, 504].includes(error.status))
  if (!isWorthIt) return undefined
  const wait = error.retryAfterSeconds ?? RETRY_DELAY_S
  return wait <= MAX_RETRY_AFTER_S ? wait : undefined
}

async function attempt(
  client: HttpClient,
  request: TurnRequest,
  credential: Credential,
  signal: AbortSignal,
): Promise<OpenStream> {
  const { url, headers, body } = await request.prepareAttempt(credential)
  const response = await client.request({ method: 'POST', url, headers, body, timeoutMs: request.timeoutMs }, signal)
  request.observer.answered(response, credential)
  const limits = fromHeaders(response.headers)
  if (limits !== undefined) request.observer.limited(limits)
  if (response.status !== 200) {
    throw toHttpFailure({ ...response, bodyText: await readErrorText(response) }, request)
  }

  const batches = readBatches(response, request)
  const first = await batches.next()
  if (first.done) {
    throw new GatewayError(
      'upstream_bad_response',
      `The backend at ${request.host} answered 200 without a single event. Check base_url.`,
    )
  }
  return { headers: toClientHeaders(response.headers, request.slug), events: startingWith(first.value, batches) }
}

/** An error's body is small; whatever cuts it short must not hide the status. */
async function readErrorText(response: HttpResponse): Promise<string> {
  return response.body.text(1024 * 1024).catch(() => '')
}

async function* startingWith(
  first: EventBatch,
  rest: AsyncGenerator<EventBatch>,
): TurnStream & AsyncGenerator<EventBatch> {
  try {
    yield first
    yield* rest
  } finally {
    await rest.return(undefined)
  }
}

/** One batch a network read; ends with the terminal event, throws if there is none. */
async function* readBatches(response: HttpResponse, request: TurnRequest): AsyncGenerator<EventBatch> {
  const decoder = new SseDecoder()
  let sawEvent = false
  for await (const chunk of response.body) {
    const { batch, failure, isEnd } = sort(decoder.push(chunk), request)
    if (batch.length > 0) {
      sawEvent = true
      yield batch
    }
    // Before the loop is left: leaving it closes a connection that has not been released.
    if (isEnd) response.body.release()
    if (failure !== undefined) throw failure
    if (isEnd) return
  }
  const { batch, failure, isEnd } = sort(decoder.end(), request)
  if (batch.length > 0) yield batch
  if (failure !== undefined) throw failure
  if (isEnd || (!sawEvent && batch.length === 0)) return
  throw new GatewayError('upstream_stream_ended', 'The backend ended the stream without finishing its answer.')
}

interface Sorted {
  readonly batch: TurnEvent[]
  readonly failure: GatewayError | undefined
  readonly isEnd: boolean
}

/** Takes the backend's private events out, and stops at the first terminal one. */
function sort(events: TurnEvent[], request: TurnRequest): Sorted {
  let isPlain = true
  for (const { type } of events) {
    if (type === '' || type.startsWith('codex.') || isTerminal(type)) isPlain = false
  }
  if (isPlain) return { batch: events, failure: undefined, isEnd: false }

  const batch: TurnEvent[] = []
  for (const event of events) {
    if (event.type === 'response.failed' || event.type === 'error') {
      return { batch, failure: toEventFailure(event, request), isEnd: true }
    }
    if (event.type.startsWith('codex.')) observe(event.fields, request)
    else if (event.type !== '') batch.push(event)
    if (isTerminal(event.type)) return { batch, failure: undefined, isEnd: true }
  }
  return { batch, failure: undefined, isEnd: false }
}

function observe(event: JsonObject, request: TurnRequest): void {
  const limits = event.type === 'codex.rate_limits' ? fromEvent(event) : undefined
  if (limits !== undefined) request.observer.limited(limits)
}
