import { readFileSync } from 'node:fs'
import { mkdir, readdir, rm, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomically } from '../lib/atomic-write.ts'

/** The sign-in that the Codex CLI's search order finds (connector.md §3.1); it has no directory of ours. */
export const DEFAULT_ACCOUNT = 'default'

const CHOICE_FILE = 'chosen'
const NAME = /^[a-z0-9][\w.-]{0,62}$/i

/** A name is a directory, so it must be one everywhere. */
export function isAccountName(name: string): boolean {
  return NAME.test(name) && name !== CHOICE_FILE
}

/** Where a named account's sign-in is: in a store of ours, in the CLI's own form. */
export function toAccountFile(storeDirectory: string, name: string): string {
  return join(storeDirectory, name, 'auth.json')
}

/** The names that have a sign-in, sorted; `default` is not among them. */
export async function listAccounts(storeDirectory: string): Promise<string[]> {
  const names = (await readdir(storeDirectory).catch(() => [])).filter(isAccountName).sort()
  const found = await Promise.all(
    names.map((name) =>
      stat(toAccountFile(storeDirectory, name)).then(
        () => true,
        () => false,
      ),
    ),
  )
  return names.filter((_name, index) => found[index])
}

/** The account for instances that name none; `default` unless somebody chose another. */
export function readChosenAccount(storeDirectory: string): string {
  try {
    const name = readFileSync(join(storeDirectory, CHOICE_FILE), 'utf8').trim()
    return isAccountName(name) ? name : DEFAULT_ACCOUNT
  } catch {
    return DEFAULT_ACCOUNT
  }
}

export async function chooseAccount(storeDirectory: string, name: string): Promise<void> {
  const path = join(storeDirectory, CHOICE_FILE)
  if (name === DEFAULT_ACCOUNT) {
    await unlink(path).catch(() => undefined)
    return
  }
  await mkdir(storeDirectory, { recursive: true, mode: 0o700 })
  await writeFileAtomically(path, `${name}\n`)
}

/** What is left of a named account once its sign-in is gone. */
export async function removeAccount(storeDirectory: string, name: string): Promise<void> {
  await rm(join(storeDirectory, name), { recursive: true, force: true })
  if (readChosenAccount(storeDirectory) === name) await chooseAccount(storeDirectory, DEFAULT_ACCOUNT)
}
