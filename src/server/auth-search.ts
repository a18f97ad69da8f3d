import type { AuthSearch } from '../accounts/auth-search.ts'
import type { Instance, LoadedConfig } from '../config/load.ts'
import { variable } from '../config/paths.ts'

/** Where the sign-in of an instance may lie (connector.md §3.1). */
export function toAuthSearch({ codex_path: codexPath }: Instance, { env, home }: LoadedConfig): AuthSearch {
  return {
    openaiCodexPath: variable(env, 'OPENAI_CODEX_PATH'),
    codexPath,
    codexHome: variable(env, 'CODEX_HOME'),
    // Without any of the variables it is still the person's own directory.
    home: variable(env, 'HOME') ?? (variable(env, 'USERPROFILE') === undefined ? home : undefined),
    userProfile: variable(env, 'USERPROFILE'),
    platform: process.platform,
  }
}
