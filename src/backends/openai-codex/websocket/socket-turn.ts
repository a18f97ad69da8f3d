import { objectAt } from '../../../lib/json.ts'
import { sleep } from '../../../lib/sleep.ts'
import type { Credential, OpenStream } from '../../../turn/connector.ts'
import type { GatewayError } from '../../../turn/errors.ts'
import type { EventBatch, TurnEvent } from '../../../turn/events.ts'
import { toHttpFailure } from '../failures.ts'
import { fromEvent, fromHeaders } from '../rate-limits.ts'
import { toCancelled } from '../response-body.ts'
import { toClientHeaders } from '../response-headers.ts'
import type { CodexSocket } from './codex-socket.ts'
import { type Connections, noStats } from './connections.ts'
import type { HeldContext } from './continuation.ts'
import { toCreateMessage, toWarmUpMessage } from './messages.ts'
import type { FinishedResponse, SocketAnswer } from './socket-answer.ts'
import type { SocketAttempt, SocketTurnRequest } from './turn-request.ts'
import { RestartableStream } from './turn-stream.ts'
import { type UpgradeAnswer, upgrade } from './upgrade.ts'
import { judge } from './verdict.ts'

type Events = AsyncIterator<EventBatch, undefined>

/** Tries over WebSocket before HTTP is asked; the waits before each further one (upstream.md §2). */
const RECONNECT_AFTER_MS = [0, 200]
const UPGRADE_WITHIN_MS = 10_000
const REPEAT_AFTER_MS = 500
/** Frames above about 16 MiB are refused (backend-facts.md §7). */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024 - 64 * 1024

/** One client request on its way over WebSocket: connection, warm-up, continuation, and what to do when one fails. */
export class SocketTurn {
  readonly #connections: Connections
  readonly #request: SocketTurnRequest
  readonly #signal: AbortSignal
  readonly #stats = noStats()
  #headers: Record<string, string> = {}
  #mayRenew = true

  constructor(connections: Connections, request: SocketTurnRequest, signal: AbortSignal) {
    this.#connections = connections
    this.#request = request
    this.#signal = signal
  }

  /** Resolves with the first event at hand. @throws GatewayError */
  async open(): Promise<OpenStream> {
    const stream = new RestartableStream(await this.#ask(true), (failure) => this.#recover(failure))
    await stream.begin()
    return { headers: this.#headers, events: stream, stats: this.#stats }
  }

  async #recover(failure: GatewayError): Promise<Events> {
    const verdict = judge(failure)
    if (verdict === 'final') throw failure
    if (verdict === 'http') {
      await this.#pause(REPEAT_AFTER_MS)
      return this.#overHttp(failure.kind === 'server_error')
    }
    const waitMs = RECONNECT_AFTER_MS[this.#stats.reconnects]
    if (waitMs === undefined) return this.#overHttp(false)
    this.#stats.reconnects += 1
    await this.#pause(waitMs)
    return this.#ask(false)
  }

  /** @param mayContinue false: on a new connection, with the whole conversation (upstream.md §2) */
  async #ask(mayContinue: boolean): Promise<Events> {
    const credential = await this.#request.credentials.current(this.#signal)
    const attempt = await this.#request.prepareSocket(credential)
    const { payload, form } = this.#request
    const taken = mayContinue ? this.#connections.pool.take(attempt.conversation, payload.fields, form) : undefined
    const socket = taken?.socket ?? (await this.#connect(attempt, credential, mayContinue))
    if (socket === undefined) return this.#overHttp(false)
    this.#checkWanted(socket)

    const from = taken?.match.kind === 'extends' ? taken.match.from : 0
    const held = taken === undefined || from > 0 ? socket.held : undefined
    const continues = held === undefined ? undefined : { responseId: held.responseId, from }
    const message = JSON.stringify(
      toCreateMessage(payload, attempt.identity, {
        nowMs: Date.now(),
        ...(continues === undefined ? {} : { continues }),
      }),
    )
    const bytes = Buffer.byteLength(message)
    if (bytes > MAX_MESSAGE_BYTES) {
      this.#connections.giveBack(socket)
      return this.#overHttp(false)
    }
    this.#stats.bytesSent += bytes
    this.#stats.itemsSkipped = from
    this.#stats.contextBytes = bytes + (held?.contextBytes ?? 0)
    return this.#answerOf(socket, message, credential)
  }

  #answerOf(socket: CodexSocket, message: string, credential: Credential): SocketAnswer {
    const { payload } = this.#request
    return socket.ask(
      message,
      {
        ...this.#answerOptions(credential),
        onEnd: (finished) => {
          if (finished === undefined) return
          socket.held = this.#toHeld(finished, payload.fields)
          this.#connections.giveBack(socket)
        },
      },
      this.#signal,
    )
  }

  #toHeld(finished: FinishedResponse, fields: HeldContext['fields']): HeldContext {
    return { ...finished, fields, contextBytes: this.#stats.contextBytes }
  }

  #answerOptions(credential: Credential) {
    const { timeoutMs, endpoint, slug, host } = this.#request
    return {
      timeoutMs,
      endpoint,
      slug,
      host,
      token: credential.token,
      onPrivateEvent: (event: TurnEvent) => this.#observe(event, credential),
    }
  }

  /** A new connection, opened and warmed up; undefined where HTTP is the way. @throws GatewayError */
  async #connect(attempt: SocketAttempt, credential: Credential, isFirst: boolean): Promise<CodexSocket | undefined> {
    const { conversation } = attempt
    const warmsUp = this.#connections.isNew(conversation) && isFirst
    if (!this.#connections.pool.mayOpen(conversation)) return undefined
    let socket: CodexSocket | undefined
    try {
      socket = await this.#upgrade(attempt, credential, warmsUp)
    } finally {
      this.#connections.pool.opened(conversation)
    }
    if (socket === undefined || !warmsUp) return socket
    this.#checkWanted(socket)
    return (await this.#warmUp(socket, attempt, credential)) ? socket : this.#connect(attempt, credential, false)
  }

  async #upgrade(attempt: SocketAttempt, credential: Credential, warmsUp: boolean): Promise<CodexSocket | undefined> {
    const { host, timeoutMs } = this.#request
    const startedAtMs = performance.now()
    const headers = attempt.headers(warmsUp ? 'prewarm' : 'turn')
    const within = Math.min(timeoutMs, UPGRADE_WITHIN_MS)
    try {
      const { proxy } = this.#connections
      const upgraded = await upgrade({ url: attempt.url, headers, timeoutMs: within, proxy }, this.#signal)
      this.#answered(upgraded.answer, credential)
      if (upgraded.socket === undefined) return await this.#refused(upgraded, credential)
      this.#stats.upgradeMs = Math.round(performance.now() - startedAtMs)
      this.#headers = toClientHeaders(upgraded.answer.headers, this.#request.slug)
      return this.#connections.adopt(host, attempt.conversation, upgraded.socket)
    } catch (thrown) {
      if (this.#signal.aborted || !isUnanswered(thrown)) throw thrown
      // HTTP has retries of its own, and an error that names the cause.
      this.#connections.refused(host, { status: 0 })
      return undefined
    }
  }

  /** @returns undefined where HTTP is to be asked, which also tells the true reason. @throws GatewayError */
  async #refused(
    { answer, bodyText }: { answer: UpgradeAnswer; bodyText: string },
    credential: Credential,
  ): Promise<CodexSocket | undefined> {
    const { host } = this.#request
    const failure = toHttpFailure({ ...answer, bodyText }, { ...this.#request, token: credential.token })
    if (answer.status === 429) throw failure
    if (failure.kind === 'codex_auth_rejected') {
      if (!this.#mayRenew) throw failure
      this.#mayRenew = false
      const renewed = await this.#request.credentials.renew(credential, this.#signal)
      return this.#upgrade(await this.#request.prepareSocket(renewed), renewed, false)
    }
    this.#connections.refused(host, answer)
    return undefined
  }

  /** A warm-up that fails costs its connection and nothing else (upstream.md §2). */
  async #warmUp(socket: CodexSocket, attempt: SocketAttempt, credential: Credential): Promise<boolean> {
    const { payload } = this.#request
    const message = JSON.stringify(toWarmUpMessage(payload, attempt.identity, { nowMs: Date.now() }))
    this.#stats.bytesSent += Buffer.byteLength(message)
    let isWarm = false
    const answer = socket.ask(
      message,
      {
        ...this.#answerOptions(credential),
        onEnd: (finished) => {
          isWarm = finished !== undefined
          if (finished !== undefined) socket.held = this.#toHeld(finished, { ...payload.fields, input: [] })
        },
      },
      this.#signal,
    )
    try {
      for (let result = await answer.next(); !result.done; ) result = await answer.next()
    } catch (thrown) {
      if (this.#signal.aborted) throw thrown
    }
    return isWarm
  }

  async #overHttp(isRepeat: boolean): Promise<Events> {
    const open = await this.#connections.overHttp({ ...this.#request, isRepeat }, this.#signal, this.#stats)
    this.#headers = { ...open.headers }
    return open.events[Symbol.asyncIterator]() as Events
  }

  #answered({ status, headers, setCookies }: UpgradeAnswer, credential: Credential): void {
    // The turn state is HTTP's way to keep a turn in one place (upstream.md §2).
    const { 'x-codex-turn-state': _state, ...kept } = headers
    this.#request.observer.answered({ status, headers: kept, setCookies }, credential)
  }

  #observe(event: TurnEvent, credential: Credential): void {
    const { observer, slug } = this.#request
    if (event.type === 'codex.rate_limits') {
      const limits = fromEvent(event.fields)
      if (limits !== undefined) observer.limited(limits)
    }
    if (event.type !== 'codex.response.metadata') return
    const stated = Object.entries(objectAt(event.fields, 'headers') ?? {})
    const headers = Object.fromEntries(stated.map(([name, value]) => [name.toLowerCase(), String(value)]))
    this.#answered({ status: 200, headers, setCookies: [] }, credential)
    Object.assign(this.#headers, toClientHeaders(headers, slug))
    const limits = fromHeaders(headers)
    if (limits !== undefined) observer.limited(limits)
  }

  /** The client may have left while its connection was being made. */
  #checkWanted(socket: CodexSocket): void {
    if (!this.#signal.aborted) return
    this.#connections.giveBack(socket)
    throw toCancelled(this.#signal, { host: this.#request.host, reached: false })
  }

  async #pause(ms: number): Promise<void> {
    if (ms === 0) return
    try {
      await sleep(ms, this.#signal)
    } catch {
      throw toCancelled(this.#signal, { host: this.#request.host, reached: true })
    }
  }
}

function isUnanswered(thrown: unknown): boolean {
  const kind = (thrown as Partial<GatewayError> | undefined)?.kind
  return kind === 'upstream_unreachable' || kind === 'upstream_timeout'
}
