import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type StagedFile, type StageOptions, writeFileAtomically } from '../lib/atomic-write.ts'
import { type JsonObject, objectAt, parseJsonObject } from '../lib/json.ts'
import { type ChatGptLogin, readAuthText, toLogin } from './auth-file.ts'
import type { HeldLock, TakeWriteLock } from './cli-locks.ts'

export type StageFile = (path: string, text: string, options: StageOptions) => Promise<StagedFile>

export interface RenewalFilesOptions {
  /** As the person and the Codex CLI know it. */
  readonly path: string
  /** Behind every symlink. */
  readonly realPath: string
  readonly stageFile: StageFile
  readonly takeWriteLock: TakeWriteLock
  /** Ours, for renewed sign-ins whose own file cannot be written; undefined = there is no such place. */
  readonly storeDirectory: string | undefined
}

export interface Renewal {
  /** The file's text that the new one is made from. */
  readonly oldText: string
  readonly newText: string
  /** The refresh token in `oldText`: used up, and so the name under which the new ones are found again. */
  readonly spent: string
}

export type WriteOutcome =
  | { readonly kind: 'written' }
  /** Another program changed the file meanwhile, so it was left alone. */
  | { readonly kind: 'changed' }
  /** `isKept`: it is in our own store instead. */
  | { readonly kind: 'failed'; readonly code: string; readonly isKept: boolean }

const SUFFIX = '.renewed'

/**
 * Where a renewed sign-in is on disk from the moment the issuer gave it until it is in its file. The temporary file
 * beside the sign-in bears a hash of the refresh token it replaces, so that after a crash before the rename the next one
 * who wants to use that token finds its successor. Where the directory cannot be written our own store takes it.
 */
export class RenewalFiles {
  readonly #options: RenewalFilesOptions

  constructor(options: RenewalFilesOptions) {
    this.#options = options
  }

  /** @param held the lock that is held already. Never throws: the new tokens are good, whatever becomes of the file. */
  async write(renewal: Renewal, held?: HeldLock): Promise<WriteOutcome> {
    const { path, realPath, stageFile, takeWriteLock } = this.#options
    const temporaryName = `${this.#prefix(renewal.spent)}${randomBytes(4).toString('hex')}${SUFFIX}`
    let staged: StagedFile
    try {
      staged = await stageFile(realPath, renewal.newText, { temporaryName, isUrgent: true })
    } catch (error) {
      return await this.#keep(renewal, error)
    }
    const lock = held?.isHeld === true ? held : await takeWriteLock(path)
    try {
      return await this.#commit(renewal, staged)
    } finally {
      await lock.release()
    }
  }

  async #commit(renewal: Renewal, staged: StagedFile): Promise<WriteOutcome> {
    const text = await readAuthText(this.#options.realPath).catch(() => undefined)
    if (text !== renewal.oldText && !isCutFrom(text, renewal.oldText)) {
      // As long as the file still holds the used token, its successor must stay to be found.
      if (refreshTokenIn(text) !== renewal.spent) await staged.discard()
      return { kind: 'changed' }
    }
    try {
      await staged.commit()
    } catch (error) {
      return await this.#keep(renewal, error)
    }
    await this.clear()
    return { kind: 'written' }
  }

  /** The sign-in that took the place of one with this refresh token; undefined if none is known. */
  async find(refreshToken: string): Promise<ChatGptLogin | undefined> {
    for (const json of [...(await this.#besides(refreshToken)), await this.#stored(refreshToken)]) {
      const login = json === undefined ? undefined : toLogin(json)
      if (login?.kind === 'chatgpt' && login.refreshToken !== refreshToken) return login
    }
    return undefined
  }

  /** Newest first; what a crash cut off in the middle is no JSON and counts for nothing. */
  async #besides(refreshToken: string): Promise<(JsonObject | undefined)[]> {
    const names = (await this.#names()).filter((name) => name.startsWith(this.#prefix(refreshToken)))
    const found = await Promise.all(
      names.map(async (name) => {
        const path = join(this.#directory, name)
        const [text, changedAtMs] = await Promise.all([
          readText(path),
          stat(path).then(
            ({ mtimeMs }) => mtimeMs,
            () => 0,
          ),
        ])
        return { json: parseJsonObject(text ?? ''), changedAtMs }
      }),
    )
    return found.sort((a, b) => b.changedAtMs - a.changedAtMs).map(({ json }) => json)
  }

  async #stored(refreshToken: string): Promise<JsonObject | undefined> {
    const stored = parseJsonObject((await readText(this.#storePath)) ?? '')
    return stored?.replaces === hash(refreshToken) ? objectAt(stored, 'auth') : undefined
  }

  async #keep({ newText, spent }: Renewal, error: unknown): Promise<WriteOutcome> {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    if (this.#storePath === undefined) return { kind: 'failed', code, isKept: false }
    try {
      await mkdir(dirname(this.#storePath), { recursive: true, mode: 0o700 })
      const stored = { replaces: hash(spent), auth: parseJsonObject(newText) }
      await writeFileAtomically(this.#storePath, `${JSON.stringify(stored, null, 2)}\n`)
      return { kind: 'failed', code, isKept: true }
    } catch {
      return { kind: 'failed', code, isKept: false }
    }
  }

  /** What is in its file, or is of no more use, needs no other copy. */
  async clear(): Promise<void> {
    const besides = (await this.#names()).map((name) => join(this.#directory, name))
    const all = this.#storePath === undefined ? besides : [...besides, this.#storePath]
    await Promise.all(all.map((path) => unlink(path).catch(() => undefined)))
  }

  async #names(): Promise<string[]> {
    const prefix = `.${basename(this.#options.realPath)}.`
    const names = await readdir(this.#directory).catch(() => [])
    return names.filter((name) => name.startsWith(prefix) && name.endsWith(SUFFIX))
  }

  #prefix(refreshToken: string): string {
    return `.${basename(this.#options.realPath)}.${hash(refreshToken)}.`
  }

  get #directory(): string {
    return dirname(this.#options.realPath)
  }

  get #storePath(): string | undefined {
    const { storeDirectory, realPath } = this.#options
    return storeDirectory === undefined ? undefined : join(storeDirectory, `renewed-${hash(realPath)}.json`)
  }
}

/** A file that lost its end, all of it perhaps, tells nothing that the old text does not. */
function isCutFrom(text: string | undefined, oldText: string): boolean {
  return text !== undefined && oldText.startsWith(text)
}

function refreshTokenIn(text: string | undefined): string | undefined {
  const json = parseJsonObject(text ?? '')
  const login = json === undefined ? undefined : toLogin(json)
  return login?.kind === 'chatgpt' ? login.refreshToken : undefined
}

async function readText(path: string | undefined): Promise<string | undefined> {
  return path === undefined ? undefined : await readFile(path, 'utf8').catch(() => undefined)
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 24)
}
