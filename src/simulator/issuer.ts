import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { JsonObject } from '../lib/json.ts'
import { apiError, type Refusal } from './refusal.ts'
import { type Claims, randomToken, toAccessToken, toIdToken } from './tokens.ts'

export interface TokenOptions {
  readonly accountId?: string
  /** The account in the token's claim, where it differs from the file's. */
  readonly claimAccountId?: string
  readonly email?: string
  readonly plan?: string
  readonly isFedramp?: boolean
  /** May be negative: expired from the start. */
  readonly expiresInS?: number
  /** An access token that is no JWT. */
  readonly opaque?: boolean
}

export interface AuthFileOptions extends TokenOptions {
  /** When the file says it was refreshed last; now unless said. */
  readonly lastRefreshMs?: number
}

export interface IssuedTokens {
  readonly access_token: string
  readonly id_token: string
  readonly refresh_token: string
  readonly account_id: string
}

interface Grant {
  readonly options: TokenOptions
  state: 'valid' | 'used' | 'expired' | 'revoked'
}

interface Access {
  readonly claims: Claims
  /** Both accounts of a sign-in whose file and claim differ. */
  readonly accountIds: readonly string[]
}

export const CLIENT_ID = 'app_EMoamEEZ73f0CkXaXp7hrann'

/** The OAuth side: tokens with the claims of upstream.md §7, single-use refresh tokens (backend-facts.md §2). */
export class Issuer {
  readonly #grants = new Map<string, Grant>()
  readonly #access = new Map<string, Access>()
  readonly #idTokens = new Set<string>()
  readonly #everyAccess = new Set<string>()
  readonly #lifetimeS: number
  /** Origin; known once the simulator listens. */
  url = ''

  constructor(lifetimeS = 3600) {
    this.#lifetimeS = lifetimeS
  }

  issue(options: TokenOptions = {}): IssuedTokens {
    const { accountId = 'acct-A', expiresInS = this.#lifetimeS } = options
    const claims = toClaims(options, Date.now() + expiresInS * 1000)
    const accessToken = options.opaque === true ? `opaque-${randomToken(24)}` : toAccessToken(this.url, claims)
    const refreshToken = `rt_${randomToken(33)}`
    this.#grants.set(refreshToken, { options, state: 'valid' })
    this.#everyAccess.add(accessToken)
    this.#access.set(accessToken, { claims, accountIds: [accountId, claims.accountId] })
    const idToken = toIdToken(this.url, claims)
    this.#idTokens.add(idToken)
    return {
      access_token: accessToken,
      id_token: idToken,
      refresh_token: refreshToken,
      account_id: accountId,
    }
  }

  /** A personal access token, which `whoami` explains (upstream.md §7). */
  issuePersonal(options: TokenOptions = {}): string {
    const token = `at-${randomToken(24)}`
    const claims = toClaims(options, Date.now() + (options.expiresInS ?? 90 * 86_400) * 1000)
    this.#everyAccess.add(token)
    this.#access.set(token, { claims, accountIds: [claims.accountId] })
    return token
  }

  /** Content of an auth.json in the CLI's own form (upstream.md §7). */
  authFile(options: AuthFileOptions = {}): JsonObject {
    const { account_id: accountId, ...tokens } = this.issue(options)
    return {
      auth_mode: 'chatgpt',
      OPENAI_API_KEY: null,
      tokens: {
        ...tokens,
        oauth_provenance: { issuer: this.url, client_id: CLIENT_ID },
        login_owner_id: randomToken(32),
        account_id: accountId,
      },
      last_refresh: new Date(options.lastRefreshMs ?? Date.now()).toISOString(),
    }
  }

  /** Writes such a file into `directory` and returns its path. */
  writeAuthFile(directory: string, options: AuthFileOptions = {}): string {
    const path = join(directory, 'auth.json')
    writeFileSync(path, `${JSON.stringify(this.authFile(options), undefined, 2)}\n`, { mode: 0o600 })
    return path
  }

  /** Each refresh token works once; its successor takes over (backend-facts.md §2). */
  refresh(refreshToken: string): Refusal {
    const grant = this.#grants.get(refreshToken)
    if (grant === undefined || grant.state === 'revoked') {
      return oauthError(401, 'refresh_token_invalidated', 'Your refresh token has been revoked.')
    }
    if (grant.state === 'expired') return oauthError(401, 'refresh_token_expired', 'Your refresh token has expired.')
    if (grant.state === 'used') return oauthError(401, 'refresh_token_reused', 'Your refresh token was already used.')
    grant.state = 'used'
    const { expiresInS: _first, ...options } = grant.options
    return this.grantTokens(options)
  }

  /** The token endpoint's answer with fresh tokens. */
  grantTokens(options: TokenOptions): Refusal {
    const { account_id: _account, ...tokens } = this.issue(options)
    const scope = 'openid profile email offline_access'
    return { status: 200, body: { ...tokens, token_type: 'Bearer', expires_in: this.#lifetimeS, scope } }
  }

  /** Everything it has given out so far. */
  get tokens(): string[] {
    return [...this.#grants.keys(), ...this.#everyAccess, ...this.#idTokens]
  }

  knowsIdToken(idToken: string): boolean {
    return this.#idTokens.has(idToken)
  }

  /** True for the newest refresh token of a sign-in. */
  isValidRefreshToken(refreshToken: string): boolean {
    return this.#grants.get(refreshToken)?.state === 'valid'
  }

  /** From now on the refresh token is refused as expired or revoked. */
  spoilRefreshToken(refreshToken: string, state: 'expired' | 'revoked'): void {
    const grant = this.#grants.get(refreshToken)
    if (grant !== undefined) grant.state = state
  }

  /** Access tokens issued so far are refused from now on. */
  revokeAccessTokens(): void {
    this.#access.clear()
  }

  /** What is wrong with a backend call's headers; undefined = nothing. */
  findAuthRefusal(headers: Readonly<Record<string, unknown>>): Refusal | undefined {
    const access = this.#accessOf(headers)
    if (access === undefined) return { status: 401, body: { detail: 'Unauthorized' } }
    if (access.claims.expiresAtMs <= Date.now()) {
      return apiError('Provided authentication token is expired. Please sign in again.', {
        code: 'token_expired',
        status: 401,
      })
    }
    const accountId = headers['chatgpt-account-id']
    if (accountId === undefined) return { status: 401, body: { detail: 'Missing chatgpt-account-id' } }
    return access.accountIds.includes(String(accountId))
      ? undefined
      : apiError('This sign-in does not belong to the workspace.', {
          code: 'codex_workspace_access_denied',
          status: 403,
        })
  }

  /** Claims of a token in use; undefined for foreign ones. */
  claimsOf(headers: Readonly<Record<string, unknown>>): Claims | undefined {
    return this.#accessOf(headers)?.claims
  }

  /** Answers `GET /api/accounts/v1/user-auth-credential/whoami`. */
  whoami(headers: Readonly<Record<string, unknown>>): Refusal {
    const claims = this.claimsOf(headers)
    if (claims === undefined || claims.expiresAtMs <= Date.now()) {
      return oauthError(401, 'invalid_credential', 'The credential is not valid.')
    }
    return {
      status: 200,
      body: {
        email: claims.email,
        chatgpt_user_id: claims.userId,
        chatgpt_account_id: claims.accountId,
        chatgpt_plan_type: claims.plan,
        chatgpt_account_is_fedramp: claims.isFedramp,
      },
    }
  }

  #accessOf(headers: Readonly<Record<string, unknown>>): Access | undefined {
    return this.#access.get(String(headers.authorization ?? '').replace(/^Bearer\s+/i, ''))
  }
}

function toClaims(options: TokenOptions, expiresAtMs: number): Claims {
  const { accountId = 'acct-A', email = 'person@example.com', plan = 'plus', isFedramp = false } = options
  return {
    accountId: options.claimAccountId ?? accountId,
    email,
    plan,
    isFedramp,
    expiresAtMs,
    userId: 'user-simulated',
  }
}

export function oauthError(status: number, code: string, message: string): Refusal {
  return apiError(message, { code, status })
}
