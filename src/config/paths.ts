import { join } from 'node:path'

export type Environment = Readonly<Record<string, string | undefined>>

/** The value of a variable; an empty one counts as not set. */
export function variable(env: Environment, name: string): string | undefined {
  const value = env[name]
  return value === '' ? undefined : value
}

export interface Paths {
  readonly configFile: string
  readonly cacheDirectory: string
  readonly stateDirectory: string
  /** Sign-ins of named accounts, and what could not be written to its own place. */
  readonly accountsDirectory: string
  /** Counts of tokens used, a file a day and process. */
  readonly tokensDirectory: string
}

/** Where our own files live on this platform. */
export function toPaths(env: Environment, home: string, platform: string): Paths {
  if (platform === 'win32') {
    const roaming = variable(env, 'APPDATA') ?? join(home, 'AppData', 'Roaming')
    const local = variable(env, 'LOCALAPPDATA') ?? join(home, 'AppData', 'Local')
    return {
      configFile: join(roaming, 'codexway', 'config.yaml'),
      cacheDirectory: join(local, 'codexway', 'cache'),
      stateDirectory: join(local, 'codexway', 'state'),
      accountsDirectory: join(local, 'codexway', 'state', 'accounts'),
      tokensDirectory: join(local, 'codexway', 'state', 'tokens'),
    }
  }
  const state = join(variable(env, 'XDG_STATE_HOME') ?? join(home, '.local', 'state'), 'codexway')
  return {
    configFile: join(variable(env, 'XDG_CONFIG_HOME') ?? join(home, '.config'), 'codexway', 'config.yaml'),
    cacheDirectory: join(variable(env, 'XDG_CACHE_HOME') ?? join(home, '.cache'), 'codexway'),
    stateDirectory: state,
    accountsDirectory: join(state, 'accounts'),
    tokensDirectory: join(state, 'tokens'),
  }
}

/** The environment of this process; everything else takes it as a value. */
export function processEnvironment(): Environment {
  return process.env
}
