import { locateAuthFile } from '../accounts/auth-search.ts'
import { createCliLocks } from '../accounts/cli-locks.ts'
import type { LoginOptions } from '../accounts/login/login.ts'
import { toIssuer } from '../accounts/oauth.ts'
import { createSend } from '../backends/openai-codex/backend-calls.ts'
import { CLI_PROFILE } from '../backends/openai-codex/cli-profile.ts'
import { HttpClient } from '../backends/openai-codex/http-client.ts'
import type { Instance, LoadedConfig } from '../config/load.ts'
import { variable } from '../config/paths.ts'
import { packageVersion } from '../lib/version.ts'
import { toAuthSearch } from './auth-search.ts'
import { toProxySettings } from './proxy-settings.ts'

/** What a command needs to sign somebody in or out. */
export interface SignInParts extends Omit<LoginOptions, 'say'> {
  readonly instance: Instance
  /** Every place the gateway looks at, best first. */
  readonly searched: readonly string[]
  readonly oauthIssuer: string | undefined
  readonly revokeUrl: string | undefined
}

/**
 * For the default instance. The file is the one in use, else the first the gateway would look at.
 * @param account in place of the one the instance names
 */
export async function createSignIn(
  loaded: LoadedConfig,
  warn: (fields: object, message: string) => void,
  account?: string,
): Promise<SignInParts> {
  const { config, instances, env, paths } = loaded
  const instance = instances.find(({ name }) => name === config.default_backend) ?? instances[0]
  if (instance === undefined) throw new Error('No backend is configured.')
  const { path, searched } = await locateAuthFile(toAuthSearch(instance, loaded, account))
  const target = path ?? searched[0]
  if (target === undefined) throw new Error('There is no place for a sign-in: HOME is not set.')
  const isOurName = instance.extra.codex.client_identity === 'codexway'
  return {
    instance,
    searched,
    path: target,
    storeDirectory: paths.accountsDirectory,
    issuer: toIssuer({ oauthIssuer: instance.oauth_issuer }, undefined),
    oauthIssuer: instance.oauth_issuer,
    revokeUrl: variable(env, 'CODEX_REVOKE_TOKEN_URL_OVERRIDE'),
    originator: isOurName ? 'codexway' : CLI_PROFILE.loginOriginator,
    userAgent: isOurName ? `codexway/${packageVersion()}` : CLI_PROFILE.loginUserAgent(CLI_PROFILE.version),
    send: createSend(() => new HttpClient(toProxySettings(env))),
    takeWriteLock: createCliLocks(warn),
    now: Date.now,
  }
}
