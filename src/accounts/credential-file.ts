import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { objectAt, withoutUndefined } from '../lib/json.ts'
import { GatewayError } from '../turn/errors.ts'
import { type AuthFile, type ChatGptLogin, type Login, parseAuthFile, readAuthText, toLogin } from './auth-file.ts'
import { missingFileError } from './auth-search.ts'
import type { HeldLock } from './cli-locks.ts'
import type { RenewedTokens } from './oauth.ts'
import type { RenewalFiles } from './renewal-files.ts'
import type { WarnOnce } from './warn-once.ts'

export interface CredentialFileOptions {
  /** As the person knows it. */
  readonly path: string
  /** Behind every symlink. */
  readonly realPath: string
  readonly warnOnce: WarnOnce
  readonly now: () => number
  readonly renewals: RenewalFiles
}

/** A file as it was at one moment; two equal signatures mean the same content once the clock has moved on. */
interface Seen {
  readonly signature: string
  /** False while a further write could still leave the same signature behind. */
  readonly isSettled: boolean
}

/** The tokens in use and the file they belong to, held while a refresh is under way. */
export interface LoginSnapshot {
  readonly login: ChatGptLogin
  readonly disk: DiskContent
}

type DiskContent = AuthFile & { readonly text: string }

/** The CLI makes it when it starts for the first time (upstream.md §1.3). */
const CLI_MARK = 'installation_id'
const SETTLED_AFTER_MS = 100
const REPLACED_KEPT = 100

/**
 * One auth.json and the tokens in use, which are its own or newer ones that could not be written to it
 * (connector.md §3.3, §3.4). Shared by everything in this process that uses the file.
 */
export class CredentialFile {
  readonly path: string
  /** Behind every symlink: the same for all who use the file. */
  readonly realPath: string
  readonly #options: CredentialFileOptions
  /** Access tokens a refresh of ours has replaced. A file that still holds one is behind us. */
  readonly #replaced = new Set<string>()
  #seen: Seen | undefined
  /** The last readable content on disk. */
  #disk: DiskContent | undefined
  #login: Login | undefined
  #problem: GatewayError | undefined
  #isGone = false
  #reading: Promise<void> = Promise.resolve()

  constructor(options: CredentialFileOptions) {
    this.path = options.path
    this.realPath = options.realPath
    this.#options = options
  }

  /** What to sign in with; undefined if there is nothing, and then `problem` says why. */
  get login(): Login | undefined {
    return this.#login
  }

  /** What is wrong with the file now, also while older tokens are still in use. */
  get problem(): GatewayError {
    return this.#problem ?? missingFileError([this.path])
  }

  /** The file was there once and is not any more. */
  get isGone(): boolean {
    return this.#isGone
  }

  /** Looks at the file and takes over what changed. Never throws: what is wrong is in `problem`. */
  reload(): Promise<void> {
    this.#reading = this.#reading.then(() => this.#read())
    return this.#reading
  }

  /** The tokens of a deleted file were refused: nothing is left of them. */
  forget(): void {
    this.#login = undefined
    this.#disk = undefined
    this.#seen = undefined
    this.#isGone = false
  }

  /** For a refresh; undefined if what is in use cannot be refreshed by its nature. */
  snapshot(): LoginSnapshot | undefined {
    const login = this.#login
    const disk = this.#disk
    return login?.kind === 'chatgpt' && disk !== undefined ? { login, disk } : undefined
  }

  /** Puts tokens from the issuer into use, after writing them down where that is right (connector.md §3.4, "Writing"). */
  async replace({ login: old, disk }: LoginSnapshot, tokens: RenewedTokens, held?: HeldLock): Promise<ChatGptLogin> {
    const json = {
      ...disk.json,
      tokens: {
        ...objectAt(disk.json, 'tokens'),
        ...withoutUndefined({
          // Those in use may be newer than those on disk.
          id_token: tokens.idToken ?? old.idToken,
          access_token: tokens.accessToken ?? old.token,
          refresh_token: tokens.refreshToken ?? old.refreshToken,
        }),
      },
      last_refresh: new Date(this.#options.now()).toISOString(),
    }
    const login = toLogin(json)
    if (login?.kind !== 'chatgpt') return old

    await this.#write(disk, { json, login, text: `${JSON.stringify(json, null, 2)}\n` }, held)
    if (login.token !== old.token) this.#markReplaced(old.token)
    if (this.#login?.token === old.token) this.#login = login
    return login
  }

  /** The Codex CLI has run on this directory, and may be running. */
  async isSharedWithCli(): Promise<boolean> {
    const mark = join(dirname(this.path), CLI_MARK)
    return await stat(mark).then(
      () => true,
      () => false,
    )
  }

  /** Tokens that took the place of the file's and never got into it: a crash came between, or it cannot be written. */
  async findKept(): Promise<RenewedTokens | undefined> {
    const spent = refreshTokenOf(this.#disk)
    const kept = spent === undefined ? undefined : await this.#options.renewals.find(spent)
    if (kept === undefined || kept.token === this.#login?.token || this.#replaced.has(kept.token)) return undefined
    return { accessToken: kept.token, refreshToken: kept.refreshToken, idToken: kept.idToken }
  }

  #markReplaced(token: string): void {
    this.#replaced.add(token)
    const [oldest] = this.#replaced
    if (this.#replaced.size > REPLACED_KEPT && oldest !== undefined) this.#replaced.delete(oldest)
  }

  async #read(): Promise<void> {
    try {
      const seen = await look(this.#options.realPath)
      if (seen.isSettled && this.#seen?.isSettled === true && seen.signature === this.#seen.signature) return
      const text = await readAuthText(this.#options.realPath)
      this.#seen = seen
      this.#isGone = false
      if (text !== this.#disk?.text || this.#problem !== undefined) this.#take(text)
    } catch (error) {
      this.#fail(error)
    }
  }

  #take(text: string): void {
    const file = parseAuthFile(text, this.path)
    this.#disk = { ...file, text }
    if (this.#login === undefined || !this.#replaced.has(file.login.token)) this.#login = file.login
    this.#problem = undefined
    this.#options.warnOnce.over('broken')
    this.#options.warnOnce.over('gone')
  }

  #fail(error: unknown): void {
    const isGone = !(error instanceof GatewayError)
    this.#seen = isGone ? undefined : this.#seen
    this.#isGone = isGone && this.#login !== undefined
    this.#problem = isGone ? missingFileError([this.path]) : error
    // A readable file without a token says that there is none; a broken or missing one says nothing.
    if (this.#problem.kind === 'codex_auth_missing_token') this.forget()
    if (this.#login === undefined) return

    const fields = { path: this.path, reason: this.#problem.kind }
    this.#options.warnOnce(isGone ? 'gone' : 'broken', fields, isGone ? KEPT_AFTER_GONE : KEPT_AFTER_BROKEN)
  }

  /** The new tokens are good whether or not the file takes them. */
  async #write(old: DiskContent, renewed: DiskContent, held: HeldLock | undefined): Promise<void> {
    const { path, warnOnce, renewals } = this.#options
    const spent = refreshTokenOf(old) ?? ''
    const outcome = await renewals.write({ oldText: old.text, newText: renewed.text, spent }, held)
    if (outcome.kind === 'failed') {
      warnOnce('write', { path, reason: outcome.code }, outcome.isKept ? USED_TOKEN_KEPT : USED_TOKEN)
      return
    }
    if (outcome.kind === 'changed') return
    this.#disk = renewed
    this.#seen = undefined
    warnOnce.over('write')
  }
}

const KEPT_AFTER_GONE = 'The sign-in file is gone; the token in memory stays in use until it is refused.'
const KEPT_AFTER_BROKEN = 'The sign-in file cannot be read; the last good token stays in use.'
const USED_TOKEN =
  'The sign-in file cannot be written: the renewed tokens are kept in memory only, and the file now holds a used refresh token.'
const USED_TOKEN_KEPT =
  'The sign-in file cannot be written: the renewed tokens are kept in our own state directory, and the file now holds a used refresh token.'

function refreshTokenOf(disk: DiskContent | undefined): string | undefined {
  return disk?.login.kind === 'chatgpt' ? disk.login.refreshToken : undefined
}

/** @throws Node's own error */
async function look(path: string): Promise<Seen> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true }).catch(async (error: unknown) => {
    await readAuthText(path) // Says in our words what is wrong, unless it is simply not there.
    throw error
  })
  const signature = [dev, ino, size, mtimeNs, ctimeNs].join(':')
  const ageMs = Date.now() - Number(ctimeNs / 1_000_000n)
  return { signature, isSettled: ageMs > SETTLED_AFTER_MS }
}
