import { keepSecret } from '../lib/redact.ts'
import type { Credential, CredentialSource, CredentialStatus } from '../turn/connector.ts'
import type { GatewayError } from '../turn/errors.ts'
import { expiredError } from './credential-errors.ts'
import { toLoginStatus, toProblemStatus } from './credential-status.ts'
import type { OAuthIdentity, OAuthSend } from './oauth.ts'
import { PersonalIdentities } from './personal-identities.ts'

export interface TokenSourceOptions extends OAuthIdentity {
  /** `at-…` */
  readonly token: string
  /** Where it comes from, e.g. the name of a variable; stands for the file in messages. */
  readonly name: string
  readonly issuer: string
  readonly send: OAuthSend
}

const TIMEOUT_MS = 30_000

/** A personal access token that no file holds (upstream.md §7, `CODEX_ACCESS_TOKEN`). It is never refreshed. */
export function createTokenSource({ token, name, ...question }: TokenSourceOptions): CredentialSource {
  keepSecret(token)
  const identities = new PersonalIdentities(TIMEOUT_MS)
  let refused: GatewayError | undefined
  return {
    async current(signal): Promise<Credential> {
      const { accountId, isFedramp } = await identities.identify({ token, path: name, ...question }, signal)
      return { token, kind: 'personal_access_token', accountId, isFedramp }
    },
    async renew() {
      refused = expiredError(name, 'the backend refused its personal access token')
      throw refused
    },
    async describe(): Promise<CredentialStatus> {
      // It is renewed nowhere; the issuer is who knows it.
      const place = { path: name, searched: [name], tokenUrl: question.issuer }
      if (refused !== undefined) return toProblemStatus(refused, place)
      const about = { ...place, identity: identities.known(token), expiredBecause: undefined }
      return toLoginStatus({ kind: 'personal_access_token', token }, about)
    },
  }
}
