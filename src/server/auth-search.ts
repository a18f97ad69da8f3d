import type { AuthSearch } from '../accounts/auth-search.ts'
import { DEFAULT_ACCOUNT, readChosenAccount, toAccountFile } from '../accounts/named-accounts.ts'
import type { Instance, LoadedConfig } from '../config/load.ts'
import { variable } from '../config/paths.ts'

/**
 * Where the sign-in of an instance may lie (connector.md §3.1): its own file, else that of its account.
 * @param account in place of the one the instance names
 */
export function toAuthSearch(instance: Instance, { env, home, paths }: LoadedConfig, account?: string): AuthSearch {
  const name = account ?? toAccount(instance, paths.accountsDirectory)
  const named = name === DEFAULT_ACCOUNT ? undefined : toAccountFile(paths.accountsDirectory, name)
  return {
    openaiCodexPath: variable(env, 'OPENAI_CODEX_PATH'),
    codexPath: account === undefined ? (instance.codex_path ?? named) : (named ?? instance.codex_path),
    codexHome: variable(env, 'CODEX_HOME'),
    // Without any of the variables it is still the person's own directory.
    home: variable(env, 'HOME') ?? (variable(env, 'USERPROFILE') === undefined ? home : undefined),
    userProfile: variable(env, 'USERPROFILE'),
    platform: process.platform,
  }
}

function toAccount({ account, codex_path: codexPath }: Instance, accountsDirectory: string): string {
  if (codexPath !== undefined) return DEFAULT_ACCOUNT
  return account ?? readChosenAccount(accountsDirectory)
}
