import type { CredentialStatus } from '../turn/connector.ts'
import type { GatewayError } from '../turn/errors.ts'
import type { Login } from './auth-file.ts'
import type { PersonalIdentity } from './oauth.ts'

/** A sign-in that can be used, or could be had it not run out. */
export function toLoginStatus(login: Login, about: StatusContext): CredentialStatus {
  const { path, searched, tokenUrl, identity, expiredBecause } = about
  const shown = login.kind === 'chatgpt' ? login : identity
  return {
    state: expiredBecause === undefined ? 'ready' : 'expired',
    path,
    searched,
    email: maskEmail(shown?.email),
    plan: shown?.plan,
    accountId: shown?.accountId,
    expiresAtMs: login.kind === 'chatgpt' ? login.expiresAtMs : undefined,
    tokenUrl,
    nextStep:
      expiredBecause === undefined ? undefined : `Run \`codex login\`: the token has expired and ${expiredBecause}.`,
  }
}

/** Where it lies and where it is renewed. */
export interface StatusPlace {
  readonly path: string
  readonly searched: readonly string[]
  readonly tokenUrl: string
}

export interface StatusContext extends StatusPlace {
  /** What is known of a personal access token. */
  readonly identity: PersonalIdentity | undefined
  /** Why the token, being expired, cannot be renewed; undefined = it is good or will be renewed. */
  readonly expiredBecause: string | undefined
}

/** A sign-in that cannot be used at all. */
export function toProblemStatus(problem: GatewayError, place: StatusPlace): CredentialStatus {
  return {
    ...place,
    state: STATES.get(problem.kind) ?? 'unusable',
    email: undefined,
    plan: undefined,
    accountId: undefined,
    expiresAtMs: undefined,
    nextStep: problem.message,
  }
}

const STATES = new Map<string, CredentialStatus['state']>([
  ['codex_auth_missing', 'missing'],
  ['codex_auth_malformed', 'malformed'],
  ['codex_auth_expired', 'expired'],
])

/** `anna@example.com` → `a…@example.com` */
function maskEmail(email: string | undefined): string | undefined {
  if (email === undefined) return undefined
  const at = email.lastIndexOf('@')
  return at < 0 ? '…' : `${Array.from(email.slice(0, at))[0] ?? ''}…${email.slice(at)}`
}
