import { sleep } from '../../lib/sleep.ts'
import type { Credential, CredentialSource, OpenStream } from '../../turn/connector.ts'
import { GatewayError } from '../../turn/errors.ts'
import { EventReader } from './event-reader.ts'
import { type FailureContext, toHttpFailure } from './failures.ts'
import { type HttpClient, type HttpResponse, isConnectError } from './http-client.ts'
import { fromHeaders, type RateLimits } from './rate-limits.ts'
import { toCancelled } from './response-body.ts'
import { toClientHeaders } from './response-headers.ts'

/** One POST, ready to go. */
export interface Attempt {
  readonly url: string
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Buffer | string
  /** Of the body before it was packed. */
  readonly bodyBytes: number
}

export interface TurnRequest extends FailureContext {
  readonly credentials: CredentialSource
  /** Builds the request anew for the credential it will carry. */
  readonly prepareAttempt: (credential: Credential) => Promise<Attempt>
  readonly timeoutMs: number
  readonly observer: TransportObserver
  /** True where one try has failed already in a way that allows just one more (connector.md §13.3). */
  readonly isRepeat?: boolean
}

/** Told of what the backend says beside the answer. */
export interface TransportObserver {
  /** Every answer's head, also a refusal's. */
  answered(response: Pick<HttpResponse, 'status' | 'headers' | 'setCookies'>, credential: Credential): void
  limited(limits: RateLimits): void
}

const RETRY_DELAY_SECONDS = 0.5
const MAX_RETRY_AFTER_SECONDS = 5
/** A try that took longer failed for a reason that another try is likely to meet too. */
const RETRY_WITHIN_MS = 15_000
const MAX_ERROR_BYTES = 1024 * 1024

/**
 * Sends a turn over HTTP and reads its answer up to the first event. Retries as connector.md §13.3 allows: once after a
 * 401 with another token, once after a connect error or 502–504; never once an event has come.
 * @throws GatewayError
 */
export async function openTurnStream(
  client: HttpClient,
  request: TurnRequest,
  signal: AbortSignal,
): Promise<Omit<OpenStream, 'stats'>> {
  let credential = await request.credentials.current(signal)
  let mayRenew = true
  let mayRepeat = request.isRepeat !== true
  for (;;) {
    const startedAtMs = performance.now()
    const outcome = await attempt(client, request, credential, signal)
    if (!('failure' in outcome)) return outcome

    const { failure, isPassing } = outcome
    if (failure.kind === 'codex_auth_rejected' && mayRenew) {
      mayRenew = false
      credential = await request.credentials.renew(credential, signal)
      continue
    }
    const waitSeconds = failure.retryAfterSeconds ?? RETRY_DELAY_SECONDS
    const wasQuick = performance.now() - startedAtMs <= RETRY_WITHIN_MS
    if (!isPassing || !mayRepeat || !wasQuick || waitSeconds > MAX_RETRY_AFTER_SECONDS) throw failure
    mayRepeat = false
    await pause(waitSeconds, request.host, signal)
  }
}

interface Failed {
  readonly failure: GatewayError
  /** Of the kinds that often are over a moment later (connector.md §13.3). */
  readonly isPassing: boolean
}

/** @throws GatewayError for failures that are neither refusals nor connect errors */
async function attempt(
  client: HttpClient,
  request: TurnRequest,
  credential: Credential,
  signal: AbortSignal,
): Promise<Omit<OpenStream, 'stats'> | Failed> {
  const { url, headers, body } = await request.prepareAttempt(credential)
  let response: HttpResponse
  try {
    response = await client.request({ method: 'POST', url, headers, body, timeoutMs: request.timeoutMs }, signal)
  } catch (error) {
    if (error instanceof GatewayError && error.kind === 'upstream_unreachable' && isConnectError(error)) {
      return { failure: error, isPassing: true }
    }
    throw error
  }
  observe(response, credential, request.observer)
  const { status } = response
  const context = { ...request, token: credential.token }
  if (status < 200 || status > 299) {
    const failure = toHttpFailure({ ...response, bodyText: await readErrorText(response, signal) }, context)
    const isChallenge = response.headers['cf-mitigated'] !== undefined
    return { failure, isPassing: status >= 502 && status <= 504 && !isChallenge }
  }
  const events = new EventReader(response, context)
  await events.begin()
  return { headers: toClientHeaders(response.headers, request.slug), events }
}

function observe(response: HttpResponse, credential: Credential, observer: TransportObserver): void {
  observer.answered(response, credential)
  const limits = fromHeaders(response.headers)
  if (limits !== undefined) observer.limited(limits)
}

/** An error's body is small; whatever cuts it short must not hide the status. */
async function readErrorText({ body }: HttpResponse, signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = []
  let total = 0
  try {
    for await (const chunk of body) {
      chunks.push(chunk)
      total += chunk.length
      if (total > MAX_ERROR_BYTES) break
    }
  } catch (error) {
    if (signal.aborted) throw error
  }
  return Buffer.concat(chunks).toString('utf8')
}

async function pause(seconds: number, host: string, signal: AbortSignal): Promise<void> {
  try {
    await sleep(seconds * 1000, signal)
  } catch {
    throw toCancelled(signal, { host, reached: true })
  }
}
