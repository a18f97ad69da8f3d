import type { Credential, CredentialSource, CredentialStatus } from '../turn/connector.ts'
import { GatewayError } from '../turn/errors.ts'
import { apiKeyOnlyError, type ChatGptLogin, type KeyLogin, type Login } from './auth-file.ts'
import { type AuthSearch, locateAuthFile, missingFileError, toSearchPaths } from './auth-search.ts'
import { expiredError } from './credential-errors.ts'
import { type CredentialPool, createCredentialPool, type PooledFile } from './credential-pool.ts'
import { toLoginStatus, toProblemStatus } from './credential-status.ts'
import { isDue, isExpired } from './expiry.ts'
import {
  type IssuerOptions,
  type OAuthIdentity,
  type OAuthSend,
  type RefreshReason,
  toIssuer,
  toTokenUrl,
} from './oauth.ts'
import type { Warn } from './warn-once.ts'

export interface CredentialSourceOptions extends IssuerOptions, OAuthIdentity {
  readonly search: AuthSearch
  readonly tokenRefresh: 'auto' | 'never'
  /** True only where the backend takes API keys, which chatgpt.com does not. */
  readonly allowApiKey: boolean
  readonly send: OAuthSend
  readonly warn: Warn
  readonly now?: () => number
  /** Shared by all sources of a process; without it this source has one of its own. */
  readonly pool?: CredentialPool
}

/** The sign-in of one backend instance, read from and kept in the Codex CLI's auth.json (connector.md §3). */
export function createCredentialSource(options: CredentialSourceOptions): CredentialSource {
  return new FileCredentialSource(options)
}

/** A change on disk is noticed by requests that start this much later; connector.md §3.3 allows 1 s. */
const LOOK_AGAIN_AFTER_MS = 250

class FileCredentialSource implements CredentialSource {
  readonly #options: CredentialSourceOptions
  readonly #now: () => number
  readonly #pool: CredentialPool
  #inUse: PooledFile | undefined
  /** Place of the file in use in the search order. */
  #rank = Number.POSITIVE_INFINITY
  #lookedAtMs = Number.NEGATIVE_INFINITY
  #finding: Promise<PooledFile> | undefined

  constructor(options: CredentialSourceOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#pool = options.pool ?? createCredentialPool({ warn: options.warn, now: this.#now })
  }

  async current(signal: AbortSignal): Promise<Credential> {
    signal.throwIfAborted()
    const pooled = this.#recent() ?? (await this.#findOnce())
    const login = loginOf(pooled)
    return await this.#toCredential(
      pooled,
      isDue(login, pooled.clock.now()) ? await this.#freshen(pooled, signal) : login,
      signal,
    )
  }

  async renew(rejected: Credential, signal: AbortSignal): Promise<Credential> {
    signal.throwIfAborted()
    const pooled = await this.#find()
    const login = loginOf(pooled)
    if (login.token !== rejected.token) {
      const usable = isExpired(login, pooled.clock.now()) ? await this.#freshen(pooled, signal) : login
      return await this.#toCredential(pooled, usable, signal)
    }

    const { file } = pooled
    if (login.kind !== 'chatgpt') throw expiredError(file.path, `the backend refused its ${KIND_NAMES[login.kind]}`)
    const reason = this.#whyStuck(pooled, login)
    if (reason !== undefined) {
      if (file.isGone) file.forget()
      throw expiredError(file.path, `the backend refused its access token, and ${reason}`)
    }
    const renewed = await this.#refresh(pooled, login, 'unauthorized_recovery', signal)
    return await this.#toCredential(pooled, renewed, signal)
  }

  async describe(): Promise<CredentialStatus> {
    const searched = toSearchPaths(this.#options.search)
    const first = searched[0] ?? ''
    const tokenUrl = toTokenUrl(this.#options, undefined)
    try {
      const pooled = await this.#find()
      const login = loginOf(pooled)
      const { path } = pooled.file
      if (login.kind === 'api_key' && !this.#options.allowApiKey)
        return toProblemStatus(apiKeyOnlyError(path), { path, searched, tokenUrl })
      const isOver = login.kind === 'chatgpt' && isExpired(login, pooled.clock.now())
      const expiredBecause = isOver ? this.#whyStuck(pooled, login) : undefined
      const identity = pooled.identities.known(login.token)
      const own = login.kind === 'chatgpt' ? toTokenUrl(this.#options, login.issuer) : tokenUrl
      return toLoginStatus(login, { path, searched, tokenUrl: own, identity, expiredBecause })
    } catch (error) {
      return toProblemStatus(GatewayError.from(error), { path: this.#inUse?.file.path ?? first, searched, tokenUrl })
    }
  }

  /** The file in use, if it was looked at a moment ago. */
  #recent(): PooledFile | undefined {
    const isRecent = Math.abs(this.#now() - this.#lookedAtMs) < LOOK_AGAIN_AFTER_MS
    return isRecent && this.#inUse?.file.login !== undefined ? this.#inUse : undefined
  }

  /** Requests that come together look together. */
  #findOnce(): Promise<PooledFile> {
    this.#finding ??= this.#find().finally(() => {
      this.#finding = undefined
    })
    return this.#finding
  }

  /** Looks at the disk. While tokens are in use, a file further down the search order does not replace theirs. */
  async #find(): Promise<PooledFile> {
    const lookedAtMs = this.#now()
    const { path, searched } = await locateAuthFile(this.#options.search)
    const rank = path === undefined ? Number.POSITIVE_INFINITY : searched.indexOf(path)

    const old = this.#inUse?.file.login === undefined ? undefined : this.#inUse
    if (old !== undefined) await old.file.reload()
    const found = path === undefined || (old !== undefined && rank > this.#rank) ? undefined : await this.#open(path)
    if (found !== undefined && found !== old) await found.file.reload()

    const chosen = old !== undefined && found?.file.login === undefined ? old : found
    if (chosen === undefined) throw missingFileError(searched)
    if (chosen === found) this.#rank = rank
    this.#inUse = chosen
    this.#lookedAtMs = lookedAtMs
    return chosen
  }

  /** `undefined` if the file went away again. */
  async #open(path: string): Promise<PooledFile | undefined> {
    return await this.#pool.open(path).catch(() => undefined)
  }

  /** For a token that is due: a new one, or the old one while it is good and the new one is not to be had. */
  async #freshen(pooled: PooledFile, signal: AbortSignal): Promise<Login> {
    const login = loginOf(pooled)
    if (login.kind !== 'chatgpt') return login
    const { file, refresher, clock, warnOnce } = pooled
    const isOver = isExpired(login, clock.now())

    const reason = this.#whyStuck(pooled, login)
    if (reason !== undefined && isOver) {
      if (file.isGone) file.forget()
      throw expiredError(file.path, `its access token has expired, and ${reason}`)
    }
    if (reason !== undefined || (refresher.isResting && !isOver)) return login

    try {
      const renewed = await this.#refresh(pooled, login, 'proactive_expiry', signal)
      warnOnce.over('refresh')
      return renewed
    } catch (error) {
      if (isOver || signal.aborted) throw error
      const { kind, message } = GatewayError.from(error)
      warnOnce('refresh', { path: file.path, kind, reason: message }, STILL_GOOD)
      return login
    }
  }

  /** Why this login cannot be refreshed at all; undefined if it is worth a try. */
  #whyStuck({ file, refresher }: PooledFile, login: ChatGptLogin): string | undefined {
    if (this.#options.tokenRefresh === 'never') return 'token_refresh is set to never'
    return file.isGone ? 'the file was deleted' : refresher.whySpent(login)
  }

  #refresh({ refresher }: PooledFile, login: ChatGptLogin, reason: RefreshReason, signal: AbortSignal): Promise<Login> {
    const { send, originator, userAgent, tokenUrlOverride, oauthIssuer } = this.#options
    const request = { send, originator, userAgent, tokenUrlOverride, oauthIssuer, stale: login.token, reason }
    return refresher.refresh(request, signal)
  }

  async #toCredential(pooled: PooledFile, login: Login, signal: AbortSignal): Promise<Credential> {
    const { token, kind } = login
    if (login.kind === 'personal_access_token') {
      const { accountId, isFedramp } = await this.#identify(pooled, login, signal)
      return { token, kind, accountId: this.#checkAccount(pooled, accountId), isFedramp }
    }
    if (login.kind === 'chatgpt') {
      return { token, kind, accountId: this.#checkAccount(pooled, login.accountId), isFedramp: login.isFedramp }
    }
    if (this.#options.allowApiKey) return { token, kind, accountId: undefined, isFedramp: false }
    throw apiKeyOnlyError(pooled.file.path)
  }

  #identify({ file, identities }: PooledFile, { token }: KeyLogin, signal: AbortSignal) {
    const { send, originator, userAgent } = this.#options
    const issuer = toIssuer(this.#options, undefined)
    return identities.identify({ token, path: file.path, issuer, send, originator, userAgent }, signal)
  }

  #checkAccount({ file, warnOnce }: PooledFile, accountId: string | undefined): string | undefined {
    if (accountId === undefined) warnOnce('account', { path: file.path }, NO_ACCOUNT)
    return accountId
  }
}

const KIND_NAMES = { personal_access_token: 'personal access token', api_key: 'API key' }
const STILL_GOOD = 'The sign-in could not be renewed ahead of time; the old token is used while it is good.'
const NO_ACCOUNT = 'The sign-in names no account: requests go out without chatgpt-account-id.'

/** @throws GatewayError that says what is wrong with the file */
function loginOf({ file }: PooledFile): Login {
  if (file.login === undefined) throw file.problem
  return file.login
}
