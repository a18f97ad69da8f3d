import { spawn } from 'node:child_process'
import { open } from 'node:fs/promises'

/** A held lock; it also ends with the process, however that ends. */
export interface FileLock {
  release(): Promise<void>
}

/** No program on this machine can take the lock, or the file system has none. */
export class FlockUnavailableError extends Error {
  override readonly name = 'FlockUnavailableError'
}

/** Somebody else kept it for longer than we wait. */
export class FlockTimeoutError extends Error {
  override readonly name = 'FlockTimeoutError'
}

export interface FlockOptions {
  /** Of a lock file that is made here. */
  readonly mode: number
  readonly timeoutMs: number
  /** Default: `FLOCK_HELPERS`. */
  readonly helpers?: readonly (readonly [string, ...string[]])[]
}

const LOCKED_DESCRIPTOR = 3
const PERL = `use Fcntl ":flock"; open(my $f, "+<&=", ${LOCKED_DESCRIPTOR}) or exit 2; flock($f, LOCK_EX) or exit 3`
const PYTHON = `import fcntl; fcntl.flock(${LOCKED_DESCRIPTOR}, fcntl.LOCK_EX)`

/** Programs that call flock(2) on a descriptor they inherit; the first that exists does it. */
export const FLOCK_HELPERS: readonly (readonly [string, ...string[]])[] = [
  ['flock', String(LOCKED_DESCRIPTOR)],
  ['perl', '-e', PERL],
  ['python3', '-c', PYTHON],
]

/**
 * Takes an exclusive flock(2) on a file, made if it is missing. Node cannot call flock itself; a lock belongs to the open
 * file and not to the process that asked for it, so a child that shares our descriptor takes it and ends, and we keep it.
 * @throws FlockUnavailableError, FlockTimeoutError, or Node's own error if the file cannot be opened
 */
export async function lockFile(path: string, options: FlockOptions): Promise<FileLock> {
  const file = await open(path, 'a+', options.mode)
  try {
    await takeLock(file.fd, options)
    return { release: () => file.close() }
  } catch (error) {
    await file.close()
    throw error
  }
}

async function takeLock(descriptor: number, { timeoutMs, helpers = FLOCK_HELPERS }: FlockOptions): Promise<void> {
  for (const [command, ...parameters] of helpers) {
    const outcome = await run(command, parameters, descriptor, timeoutMs)
    if (outcome === 'locked') return
    if (outcome === 'timeout') throw new FlockTimeoutError('the lock is held by another program')
  }
  throw new FlockUnavailableError('no program here can lock the file')
}

type Outcome = 'locked' | 'timeout' | 'unable'

function run(command: string, parameters: readonly string[], descriptor: number, timeoutMs: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(command, parameters, { stdio: ['ignore', 'ignore', 'ignore', descriptor], windowsHide: true })
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      child.kill('SIGKILL')
    }, timeoutMs)
    const settle = (outcome: Outcome) => {
      clearTimeout(timer)
      resolve(outcome)
    }
    child.once('error', () => settle('unable'))
    child.once('exit', (code) => settle(code === 0 ? 'locked' : isLate ? 'timeout' : 'unable'))
  })
}
