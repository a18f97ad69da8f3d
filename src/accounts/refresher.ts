import { setTimeout as delay } from 'node:timers/promises'
import { SendError } from '../lib/send-error.ts'
import { abortable } from './abortable.ts'
import type { ChatGptLogin, Login } from './auth-file.ts'
import type { HeldLock, TakeWriteLock } from './cli-locks.ts'
import { expiredError, refreshFailedError } from './credential-errors.ts'
import type { CredentialFile, LoginSnapshot } from './credential-file.ts'
import { isExpired } from './expiry.ts'
import type { IssuerClock } from './issuer-clock.ts'
import {
  type IssuerOptions,
  type OAuthIdentity,
  type OAuthRequest,
  type OAuthSend,
  parseRefreshResponse,
  type RefreshOutcome,
  type RefreshReason,
  toRefreshRequest,
  toTokenUrl,
} from './oauth.ts'
import { sendWithin } from './send-within.ts'

/** Runs work while no other process refreshes the same file. */
export type RefreshLock = <T>(path: string, work: () => Promise<T>) => Promise<T>

export interface RefresherOptions {
  readonly now: () => number
  readonly clock: IssuerClock
  readonly timeoutMs: number
  readonly withRefreshLock: RefreshLock
  readonly takeWriteLock: TakeWriteLock
}

export interface RefreshRequest extends IssuerOptions, OAuthIdentity {
  readonly send: OAuthSend
  /** The access token that will not do. */
  readonly stale: string
  readonly reason: RefreshReason
}

/** The program that used our refresh token first may still be writing what it got. */
const REUSED_WAITS_MS = [0, 100, 400, 500, 1000]
const REST_MS = 30_000
/** Longer than any request waits, since within one request the token must not be sent again (connector.md §3.4). */
const DOUBT_MS = 11 * 60_000

/** An issuer that takes longer must not keep the CLI from writing. */
const HOLD_LOCK_MS = 5000
const GIVE_WAY_MS = 1000
const LOOK_AGAIN_MS = 50

interface Spent {
  readonly reason: string
  readonly untilMs: number
}

interface Asked {
  readonly snapshot: LoginSnapshot
  readonly refreshToken: string
  /** Of the issuer. */
  readonly host: string
  readonly lock: HeldLock
}

/** One refresh at a time for one file, and no refresh token twice where the first time may have counted (connector.md §3.4). */
export class Refresher {
  readonly #file: CredentialFile
  readonly #options: RefresherOptions
  #flight: Promise<Login> | undefined
  #triedAtMs = Number.NEGATIVE_INFINITY
  /** Refresh tokens not to be sent again. */
  readonly #spent = new Map<string, Spent>()

  constructor(file: CredentialFile, options: RefresherOptions) {
    this.#file = file
    this.#options = options
  }

  /** Resolves when no refresh is under way. */
  async idle(): Promise<void> {
    await this.#flight?.catch(() => undefined)
  }

  /** A refresh was just tried, whatever came of it: no reason to hold up requests that can do without one. */
  get isResting(): boolean {
    return Math.abs(this.#options.now() - this.#triedAtMs) < REST_MS
  }

  /** Why this login's refresh token is of no use; undefined if it may be tried. */
  whySpent(login: ChatGptLogin): string | undefined {
    if (login.refreshToken === undefined) return NO_REFRESH_TOKEN
    const spent = this.#spent.get(login.refreshToken)
    return spent !== undefined && this.#options.now() < spent.untilMs ? spent.reason : undefined
  }

  /**
   * Joins the refresh under way or starts one. It goes on when its first caller leaves: its result must not be lost.
   * @throws GatewayError `codex_auth_expired` or `codex_auth_refresh_failed`
   */
  refresh(request: RefreshRequest, signal: AbortSignal): Promise<Login> {
    if (this.#flight === undefined) {
      const flight = this.#run(request).finally(() => {
        this.#flight = undefined
      })
      flight.catch(() => undefined) // Perhaps nobody waits any more.
      this.#flight = flight
    }
    return abortable(this.#flight, signal)
  }

  async #run(request: RefreshRequest): Promise<Login> {
    try {
      return await this.#options.withRefreshLock(this.#file.realPath, () => this.#refreshLocked(request))
    } finally {
      this.#triedAtMs = this.#options.now()
    }
  }

  async #refreshLocked(request: RefreshRequest): Promise<Login> {
    const file = this.#file
    await file.reload()
    await this.#adoptKept()
    const done = this.#findDone(request) ?? (await this.#giveWay(request))
    if (done !== undefined) return done

    // From before the issuer is asked, so that the new tokens are in the file as soon as they are here, and a CLI that is
    // about to write its own is waited for.
    const lock = await this.#options.takeWriteLock(file.path)
    const timer = setTimeout(() => void lock.release().catch(() => undefined), HOLD_LOCK_MS)
    try {
      await file.reload()
      return this.#findDone(request) ?? (await this.#renew(request, lock))
    } finally {
      clearTimeout(timer)
      await lock.release()
    }
  }

  /** Another login than the one that will not do, or one that cannot be refreshed. @throws GatewayError if there is none */
  #findDone({ stale }: RefreshRequest): Login | undefined {
    const { login, problem } = this.#file
    if (login === undefined) throw problem
    if (login.token !== stale && !isExpired(login, this.#options.clock.now())) return login
    return this.#file.snapshot() === undefined ? login : undefined
  }

  /**
   * Whoever comes second at the issuer with one refresh token is refused. The Codex CLI takes no lock while it asks and
   * tells its user to sign in again when that happens, while we can read what it got: so it goes first.
   */
  async #giveWay(request: RefreshRequest): Promise<Login | undefined> {
    if (this.#file.isGone || !(await this.#file.isSharedWithCli())) return undefined
    for (let waitedMs = 0; waitedMs < GIVE_WAY_MS; waitedMs += LOOK_AGAIN_MS) {
      await delay(LOOK_AGAIN_MS)
      await this.#file.reload()
      const done = this.#findDone(request)
      if (done !== undefined) return done
    }
    return undefined
  }

  async #renew(request: RefreshRequest, lock: HeldLock): Promise<Login> {
    const file = this.#file
    const snapshot = file.snapshot()
    const refreshToken = snapshot?.login.refreshToken
    const spent = snapshot === undefined || file.isGone ? FILE_DELETED : this.whySpent(snapshot.login)
    if (snapshot === undefined || refreshToken === undefined || spent !== undefined) {
      throw expiredError(file.path, spent ?? NO_REFRESH_TOKEN)
    }
    const url = toTokenUrl(request, snapshot.login.issuer)
    const host = URL.canParse(url) ? new URL(url).host : url
    const message = toRefreshRequest(url, refreshToken, request.reason, request)
    const outcome = await this.#ask(message, refreshToken, host, request.send)
    return await this.#settle(outcome, { snapshot, refreshToken, host, lock })
  }

  /** What another process, or an earlier start of this one, got for the file's refresh token and could not put there. */
  async #adoptKept(): Promise<void> {
    const snapshot = this.#file.snapshot()
    const kept = snapshot === undefined ? undefined : await this.#file.findKept()
    if (snapshot !== undefined && kept !== undefined) await this.#file.replace(snapshot, kept)
  }

  async #ask(message: OAuthRequest, refreshToken: string, host: string, send: OAuthSend): Promise<RefreshOutcome> {
    try {
      return parseRefreshResponse(await sendWithin(send, message, this.#options.timeoutMs))
    } catch (error) {
      // Anything but a plain "never connected" may have used the token up.
      const isUnsent = error instanceof SendError && !error.reached
      if (!isUnsent) this.#doubt(refreshToken, host)
      throw refreshFailedError(host, isUnsent ? 'unreachable' : 'no answer', error)
    }
  }

  async #settle(outcome: RefreshOutcome, { snapshot, refreshToken, host, lock }: Asked): Promise<Login> {
    switch (outcome.kind) {
      case 'renewed': {
        const login = await this.#file.replace(snapshot, outcome.tokens, lock)
        if (login.token !== snapshot.login.token) this.#options.clock.learn(login.issuedAtMs)
        if (login.token === snapshot.login.token) throw refreshFailedError(host, 'its answer held no new access token')
        return login
      }
      case 'refused': {
        // Whoever was first may be waiting for it.
        await lock.release()
        const newer = await this.#findNewer(snapshot.login, outcome.code)
        if (newer !== undefined) return newer
        const reason = `${host} refused to renew it (${outcome.code})`
        this.#spent.set(refreshToken, { reason, untilMs: Number.POSITIVE_INFINITY })
        throw expiredError(this.#file.path, reason)
      }
      case 'unreadable':
        this.#doubt(refreshToken, host)
        throw refreshFailedError(host, 'its answer is not JSON')
      case 'failed':
        throw refreshFailedError(host, outcome.reason)
    }
  }

  /** It may have been used up, or never have arrived; for a while nobody finds out. */
  #doubt(refreshToken: string, host: string): void {
    this.#spent.set(refreshToken, { reason: unknownFate(host), untilMs: this.#options.now() + DOUBT_MS })
  }

  /** Another program may have renewed the sign-in with the token we sent, or the person signed in anew. */
  async #findNewer(old: ChatGptLogin, code: string): Promise<Login | undefined> {
    for (const waitMs of code === 'refresh_token_reused' ? REUSED_WAITS_MS : [0]) {
      await delay(waitMs)
      await this.#file.reload()
      const login = this.#file.login
      if (login !== undefined && login.token !== old.token) return login
    }
    return undefined
  }
}

const NO_REFRESH_TOKEN = 'it holds no refresh token'
const FILE_DELETED = 'the file was deleted'

function unknownFate(host: string): string {
  return `an earlier attempt to renew it got no answer from ${host}, so its refresh token may be used up`
}
