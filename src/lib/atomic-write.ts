import { randomBytes } from 'node:crypto'
import { realpathSync, writeFileSync } from 'node:fs'
import { type FileHandle, open, realpath, rename, stat, unlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

export interface AtomicWriteOptions {
  /** Default 0600. */
  readonly mode?: number
  /** Default `process.platform`; on `win32` the rename is tried again while another program holds the file open. */
  readonly platform?: string
  readonly rename?: (from: string, to: string) => Promise<void>
}

export interface StageOptions extends AtomicWriteOptions {
  /** Of the temporary file; default: a random one. */
  readonly temporaryName?: string
  /** The content is in the temporary file before anything is waited for: for what would be lost with this process. */
  readonly isUrgent?: boolean
}

const BUSY_CODES = ['EPERM', 'EBUSY', 'EACCES']
const RENAME_WAITS_MS = [10, 20, 50, 100, 200, 400]

/** The new content of a file, safe on disk beside it and not in its place yet. */
export interface StagedFile {
  /** Puts it in place: every reader sees the old or the new content, never a part. */
  commit(): Promise<void>
  discard(): Promise<void>
}

/**
 * Replaces a file so that every reader sees the old or the new content, never a part. A symlink stays one: its target is
 * what gets replaced. The owner of an existing file is kept where that is allowed.
 */
export async function writeFileAtomically(path: string, text: string, options: AtomicWriteOptions = {}): Promise<void> {
  const staged = await stageFile(path, text, options)
  try {
    await staged.commit()
  } catch (error) {
    await staged.discard()
    throw error
  }
}

/**
 * The first half of an atomic write. A crash from here on leaves the whole content in the temporary file.
 * @throws Node's own error; then nothing is left behind
 */
export async function stageFile(path: string, text: string, options: StageOptions = {}): Promise<StagedFile> {
  const { isUrgent = false, mode = 0o600 } = options
  const target = isUrgent ? toTargetAtOnce(path) : await toTarget(path)
  const name = options.temporaryName ?? `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`
  const temporary = join(dirname(target), name)
  try {
    if (isUrgent) writeFileSync(temporary, text, { flag: 'wx', mode })
    else await writeFile(temporary, text, { flag: 'wx', mode })
    await settleFile(temporary, target, mode)
  } catch (error) {
    await unlink(temporary).catch(() => undefined)
    throw error
  }
  return {
    async commit() {
      await renameWithRetry(temporary, target, options)
      await syncDirectory(dirname(target))
    },
    async discard() {
      await unlink(temporary).catch(() => undefined)
    },
  }
}

async function toTarget(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return path
    throw error
  }
}

function toTargetAtOnce(path: string): string {
  try {
    return realpathSync(path)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return path
    throw error
  }
}

/** Owner, mode, and the content safe from a power cut. */
async function settleFile(path: string, target: string, mode: number): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await keepOwner(file, target)
    await file.chmod(mode)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Matters where the gateway runs as root on a person's files: they must still be able to read the new one. */
async function keepOwner(file: FileHandle, target: string): Promise<void> {
  const [old, own] = await Promise.all([stat(target).catch(() => undefined), file.stat()])
  if (old === undefined || (old.uid === own.uid && old.gid === own.gid)) return
  await file.chown(old.uid, old.gid).catch(() => undefined)
}

async function renameWithRetry(from: string, to: string, options: AtomicWriteOptions): Promise<void> {
  const move = options.rename ?? rename
  const waits = (options.platform ?? process.platform) === 'win32' ? RENAME_WAITS_MS : []
  for (const waitMs of waits) {
    try {
      return await move(from, to)
    } catch (error) {
      if (!BUSY_CODES.includes(errorCode(error) ?? '')) throw error
    }
    await delay(waitMs)
  }
  await move(from, to)
}

/** Makes the rename itself durable; not every platform and file system can, and the content is safe without it. */
async function syncDirectory(path: string): Promise<void> {
  try {
    const directory = await open(path, 'r')
    await directory.sync().finally(() => directory.close())
  } catch {
    // The file is in place; only its survival of a power cut is less certain.
  }
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
