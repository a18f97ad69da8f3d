import { realpath } from 'node:fs/promises'
import { stageFile as stageOnDisk } from '../lib/atomic-write.ts'
import { NO_LOCK, type TakeWriteLock } from './cli-locks.ts'
import { CredentialFile } from './credential-file.ts'
import { IssuerClock } from './issuer-clock.ts'
import { PersonalIdentities } from './personal-identities.ts'
import { Refresher, type RefreshLock } from './refresher.ts'
import { RenewalFiles, type StageFile } from './renewal-files.ts'
import { createWarnOnce, type Warn, type WarnOnce } from './warn-once.ts'

export interface CredentialPoolOptions {
  readonly warn: Warn
  readonly now?: () => number
  /** How a renewed file gets onto the disk; default: durably, mode 0600. */
  readonly stageFile?: StageFile
  /** Default: no lock beyond this process. */
  readonly withRefreshLock?: RefreshLock
  /** Default: no lock. */
  readonly takeWriteLock?: TakeWriteLock
  /** Ours, for renewed sign-ins whose own file cannot be written. */
  readonly storeDirectory?: string
  /** Default 30 s. */
  readonly refreshTimeoutMs?: number
}

/** Everything that must exist once per file, however many backend instances use it. */
export interface PooledFile {
  readonly file: CredentialFile
  readonly refresher: Refresher
  readonly identities: PersonalIdentities
  readonly clock: IssuerClock
  readonly warnOnce: WarnOnce
}

/** The sign-in files this process uses, one entry per real file. Owned by the composition root. */
export interface CredentialPool {
  /** @throws Node's own error if nothing is there */
  open(path: string): Promise<PooledFile>
  /** Resolves when no refresh is under way: leaving earlier would lose the tokens it brings. */
  idle(): Promise<void>
}

const REFRESH_TIMEOUT_MS = 30_000

export function createCredentialPool(options: CredentialPoolOptions): CredentialPool {
  const files = new Map<string, PooledFile>()
  return {
    async open(path) {
      const realPath = await realpath(path)
      const known = files.get(realPath)
      if (known !== undefined) return known
      const added = createPooledFile(path, realPath, options)
      files.set(realPath, added)
      return added
    },
    async idle() {
      await Promise.all([...files.values()].map(({ refresher }) => refresher.idle()))
    },
  }
}

function createPooledFile(path: string, realPath: string, options: CredentialPoolOptions): PooledFile {
  const { now = Date.now, refreshTimeoutMs: timeoutMs = REFRESH_TIMEOUT_MS } = options
  const {
    stageFile = stageOnDisk,
    withRefreshLock = withoutLock,
    takeWriteLock = async () => NO_LOCK,
    storeDirectory,
  } = options
  const warnOnce = createWarnOnce(options.warn)
  const renewals = new RenewalFiles({ path, realPath, stageFile, takeWriteLock, storeDirectory })
  const file = new CredentialFile({ path, realPath, warnOnce, now, renewals })
  const clock = new IssuerClock(now)
  const refresher = new Refresher(file, { now, clock, timeoutMs, withRefreshLock, takeWriteLock })
  return { file, refresher, identities: new PersonalIdentities(timeoutMs), clock, warnOnce }
}

function withoutLock<T>(_path: string, work: () => Promise<T>): Promise<T> {
  return work()
}
