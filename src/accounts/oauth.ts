import { type JsonObject, objectAt, parseJsonObject, stringAt } from '../lib/json.ts'

export const CODEX_CLIENT_ID = 'app_EMoamEEZ73f0CkXaXp7hrann'
export const DEFAULT_ISSUER = 'https://auth.openai.com'

/** Sends one request to the issuer; redirects are not followed. A request without an answer throws a `SendError`. */
export type OAuthSend = (request: OAuthRequest, signal: AbortSignal) => Promise<OAuthResponse>

export interface OAuthRequest {
  readonly method: 'GET' | 'POST'
  readonly url: string
  /** In wire order. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

export interface OAuthResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly bodyText: string
}

/** Which program we say we are. */
export interface OAuthIdentity {
  readonly originator: string
  readonly userAgent: string
}

export interface IssuerOptions {
  /** `CODEX_REFRESH_TOKEN_URL_OVERRIDE`: a full URL. */
  readonly tokenUrlOverride?: string | undefined
  readonly oauthIssuer?: string | undefined
}

export type RefreshReason = 'proactive_expiry' | 'unauthorized_recovery'

export interface RenewedTokens {
  readonly accessToken: string | undefined
  readonly refreshToken: string | undefined
  readonly idToken: string | undefined
}

export type RefreshOutcome =
  | { readonly kind: 'renewed'; readonly tokens: RenewedTokens }
  /** For good: the refresh token is of no more use. */
  | { readonly kind: 'refused'; readonly code: string }
  /** Perhaps only now. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** A success nobody can read: the refresh token is probably used up. */
  | { readonly kind: 'unreadable' }

export type WhoamiOutcome =
  | { readonly kind: 'known'; readonly identity: PersonalIdentity }
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'failed'; readonly reason: string }

export interface PersonalIdentity {
  readonly accountId: string | undefined
  readonly email: string | undefined
  readonly plan: string | undefined
  readonly isFedramp: boolean
}

/** The override, else `/oauth/token` at the issuer (connector.md §3.4). */
export function toTokenUrl(options: IssuerOptions, provenanceIssuer: string | undefined): string {
  return options.tokenUrlOverride ?? `${toIssuer(options, provenanceIssuer)}/oauth/token`
}

/** The configured issuer, else the one the sign-in came from if it is OpenAI's, else the default. */
export function toIssuer({ oauthIssuer }: IssuerOptions, provenanceIssuer: string | undefined): string {
  const issuer = oauthIssuer ?? (isOpenAiUrl(provenanceIssuer) ? provenanceIssuer : DEFAULT_ISSUER)
  return issuer.replace(/\/+$/, '')
}

/** Upstream.md §6, "Refresh": the CLI's headers and key order. */
export function toRefreshRequest(
  url: string,
  refreshToken: string,
  reason: RefreshReason,
  identity: OAuthIdentity,
): OAuthRequest {
  return {
    method: 'POST',
    url,
    headers: {
      'content-type': 'application/json',
      originator: identity.originator,
      'user-agent': identity.userAgent,
      accept: '*/*',
    },
    body: JSON.stringify({
      client_id: CODEX_CLIENT_ID,
      grant_type: 'refresh_token',
      refresh_reason: reason,
      refresh_token: refreshToken,
    }),
  }
}

/** Any 400 or 401 is for good (connector.md §3.5). */
export function parseRefreshResponse({ status, bodyText }: OAuthResponse): RefreshOutcome {
  const body = parseJsonObject(bodyText)
  if (status === 400 || status === 401) return { kind: 'refused', code: toErrorCode(body) ?? `HTTP ${status}` }
  if (status < 200 || status > 299) return { kind: 'failed', reason: `HTTP ${status}` }
  if (body === undefined) return { kind: 'unreadable' }
  const tokens = {
    accessToken: tokenAt(body, 'access_token'),
    refreshToken: tokenAt(body, 'refresh_token'),
    idToken: tokenAt(body, 'id_token'),
  }
  return { kind: 'renewed', tokens }
}

/** Upstream.md §7: whose personal access token this is. */
export function toWhoamiRequest(issuer: string, token: string, identity: OAuthIdentity): OAuthRequest {
  return {
    method: 'GET',
    url: `${issuer}/api/accounts/v1/user-auth-credential/whoami`,
    headers: {
      authorization: `Bearer ${token}`,
      originator: identity.originator,
      'user-agent': identity.userAgent,
      accept: '*/*',
    },
    body: undefined,
  }
}

export function parseWhoamiResponse({ status, bodyText }: OAuthResponse): WhoamiOutcome {
  const body = parseJsonObject(bodyText)
  if (status === 400 || status === 401) return { kind: 'refused', code: toErrorCode(body) ?? `HTTP ${status}` }
  if (status !== 200 || body === undefined) return { kind: 'failed', reason: `HTTP ${status}` }
  const identity = {
    accountId: tokenAt(body, 'chatgpt_account_id'),
    email: stringAt(body, 'email'),
    plan: stringAt(body, 'chatgpt_plan_type'),
    isFedramp: body.chatgpt_account_is_fedramp === true,
  }
  return { kind: 'known', identity }
}

function isOpenAiUrl(text: string | undefined): text is string {
  const url = text !== undefined && URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'https:' || url.search !== '' || url.hash !== '' || url.username !== '') return false
  return url.hostname === 'openai.com' || url.hostname.endsWith('.openai.com')
}

/** `{error: {code}}`, or OAuth's own `{error: "invalid_grant"}`; only if it looks like a code, since it is shown. */
export function toErrorCode(body: JsonObject | undefined): string | undefined {
  if (body === undefined) return undefined
  const error = objectAt(body, 'error')
  const candidates = [error && stringAt(error, 'code'), stringAt(body, 'error'), stringAt(body, 'code')]
  return candidates.find((code) => code !== undefined && /^[\w.-]{1,64}$/.test(code))
}

/** A token that could not stand in a header is none. */
export function tokenAt(body: JsonObject, key: string): string | undefined {
  const token = stringAt(body, key)
  return token !== undefined && /^[\x21-\x7e]+$/.test(token) ? token : undefined
}
