import { stat } from 'node:fs/promises'
import { posix, win32 } from 'node:path'
import { GatewayError } from '../turn/errors.ts'

/** Where a sign-in may lie (connector.md §3.1); an empty string counts as not set. */
export interface AuthSearch {
  /** `OPENAI_CODEX_PATH` */
  readonly openaiCodexPath?: string | undefined
  /** `codex_path` of the instance */
  readonly codexPath?: string | undefined
  /** `CODEX_HOME` */
  readonly codexHome?: string | undefined
  /** `HOME`; the account's home directory where neither `HOME` nor `USERPROFILE` is set. */
  readonly home?: string | undefined
  /** `USERPROFILE` */
  readonly userProfile?: string | undefined
  readonly platform: string
}

export interface LocatedAuthFile {
  /** The first existing file of `searched`; undefined if there is none. */
  readonly path: string | undefined
  readonly searched: readonly string[]
}

export async function locateAuthFile(search: AuthSearch): Promise<LocatedAuthFile> {
  const searched = toSearchPaths(search)
  for (const path of searched) {
    if (await exists(path)) return { path, searched }
  }
  return { path: undefined, searched }
}

/** Best first. A path somebody named stands alone: another person's account is no substitute for a missing file. */
export function toSearchPaths(search: AuthSearch): string[] {
  const { join, resolve } = search.platform === 'win32' ? win32 : posix
  const home = orUndefined(search.home)
  const userProfile = orUndefined(search.userProfile)
  const expand = (path: string) => {
    const base = home ?? userProfile
    return resolve(base !== undefined && /^~(?:$|[/\\])/.test(path) ? join(base, path.slice(1)) : path)
  }

  const named = orUndefined(search.openaiCodexPath) ?? orUndefined(search.codexPath)
  if (named !== undefined)
    return [named.toLowerCase().endsWith('.json') ? expand(named) : join(expand(named), 'auth.json')]

  const directories: string[] = []
  const codexHome = orUndefined(search.codexHome)
  if (codexHome !== undefined) directories.push(expand(codexHome))
  const usesProfile = search.platform === 'win32' || home === undefined
  if (usesProfile && userProfile !== undefined) directories.push(join(resolve(userProfile), '.codex'))
  if (home !== undefined) directories.push(join(resolve(home), '.codex'))
  return [...new Set(directories.map((directory) => join(directory, 'auth.json')))]
}

/** Connector.md §3.5, first row. */
export function missingFileError(searched: readonly string[]): GatewayError {
  const places = searched.length === 0 ? 'no place to look: HOME is not set' : `looked at ${searched.join(', ')}`
  return new GatewayError(
    'codex_auth_missing',
    `No Codex sign-in found (${places}). Run \`codex login\` to sign in with ChatGPT. A sign-in kept only in the system ` +
      'keyring leaves no file: set cli_auth_credentials_store = "file" in the Codex CLI\'s config.toml and sign in again.',
  )
}

/** A path that is there but closed to us counts as existing, so that reading it says what is wrong. */
async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    return code !== 'ENOENT' && code !== 'ENOTDIR'
  }
}

function orUndefined(value: string | undefined): string | undefined {
  return value === '' ? undefined : value
}
