import { numberAt, parseJsonObject, stringAt } from '../../lib/json.ts'
import {
  CODEX_CLIENT_ID,
  type OAuthIdentity,
  type OAuthRequest,
  type OAuthResponse,
  toErrorCode,
  tokenAt,
} from '../oauth.ts'
import type { LoginSecrets } from './pkce.ts'

/** What the issuer asks a person to agree to; it refuses further scopes (backend-facts.md §2). */
const SCOPE = 'openid profile email offline_access api.connectors.read api.connectors.invoke'
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ID_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:id_token'

export interface AuthorizeOptions {
  readonly issuer: string
  readonly redirectUri: string
  readonly secrets: LoginSecrets
  readonly originator: string
}

export interface CodeExchange {
  readonly issuer: string
  readonly code: string
  readonly redirectUri: string
  readonly verifier: string
}

export interface NewTokens {
  readonly accessToken: string
  readonly refreshToken: string
  readonly idToken: string
}

export interface DeviceCode {
  readonly deviceAuthId: string
  readonly userCode: string
  readonly intervalMs: number
}

export type ExchangeOutcome = { readonly tokens: NewTokens } | { readonly refused: string }
export type DeviceCodeOutcome = { readonly device: DeviceCode } | { readonly refused: string }
export type DevicePollOutcome =
  | { readonly granted: Pick<CodeExchange, 'code' | 'verifier'> }
  | { readonly pending: true }
  | { readonly refused: string }

/** Where the browser goes; parameters in the CLI's order (upstream.md §8). */
export function toAuthorizeUrl({ issuer, redirectUri, secrets, originator }: AuthorizeOptions): string {
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: CODEX_CLIENT_ID,
    redirect_uri: redirectUri,
    code_challenge: secrets.challenge,
    code_challenge_method: 'S256',
    state: secrets.state,
    scope: SCOPE,
    id_token_add_organizations: 'true',
    codex_cli_simplified_flow: 'true',
    originator,
  })
  // `+` for a space is form encoding; a browser's address wants %20.
  return `${issuer}/oauth/authorize?${query.toString().replaceAll('+', '%20')}`
}

/** Captures [43] and [48]: a form, without our name. */
export function toCodeRequest({ issuer, code, redirectUri, verifier }: CodeExchange): OAuthRequest {
  return toForm(issuer, {
    grant_type: 'authorization_code',
    client_id: CODEX_CLIENT_ID,
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
  })
}

export function parseCodeResponse({ status, bodyText }: OAuthResponse): ExchangeOutcome {
  const body = parseJsonObject(bodyText)
  if (status !== 200 || body === undefined) return { refused: toErrorCode(body) ?? `HTTP ${status}` }
  const accessToken = tokenAt(body, 'access_token')
  const refreshToken = tokenAt(body, 'refresh_token')
  const idToken = tokenAt(body, 'id_token')
  if (accessToken === undefined || refreshToken === undefined || idToken === undefined) {
    return { refused: 'its answer holds no complete set of tokens' }
  }
  return { tokens: { accessToken, refreshToken, idToken } }
}

/** Capture [44]: an API key for the same person, which accounts without a platform organisation do not get. */
export function toApiKeyRequest(issuer: string, idToken: string): OAuthRequest {
  return toForm(issuer, {
    grant_type: TOKEN_EXCHANGE,
    client_id: CODEX_CLIENT_ID,
    requested_token: 'openai-api-key',
    subject_token: idToken,
    subject_token_type: ID_TOKEN_TYPE,
  })
}

/** `undefined` for every refusal: a sign-in without an API key is whole. */
export function parseApiKeyResponse({ status, bodyText }: OAuthResponse): string | undefined {
  return status === 200 ? tokenAt(parseJsonObject(bodyText) ?? {}, 'access_token') : undefined
}

/** Capture [45] */
export function toUserCodeRequest(issuer: string): OAuthRequest {
  return toJson(`${issuer}/api/accounts/deviceauth/usercode`, { client_id: CODEX_CLIENT_ID })
}

export function parseUserCodeResponse({ status, bodyText }: OAuthResponse): DeviceCodeOutcome {
  if (status === 404) return { refused: 'device code login is not enabled for this account or workspace' }
  const body = parseJsonObject(bodyText) ?? {}
  const deviceAuthId = stringAt(body, 'device_auth_id')
  const userCode = stringAt(body, 'user_code') ?? stringAt(body, 'usercode')
  if (status !== 200 || deviceAuthId === undefined || userCode === undefined) {
    return { refused: toErrorCode(body) ?? `HTTP ${status}` }
  }
  // A string in fact; a number would be no wonder.
  const seconds = Number(stringAt(body, 'interval') ?? numberAt(body, 'interval') ?? 5)
  return { device: { deviceAuthId, userCode, intervalMs: (seconds >= 1 ? seconds : 5) * 1000 } }
}

/** Captures [46] and [47] */
export function toDevicePollRequest(issuer: string, { deviceAuthId, userCode }: DeviceCode): OAuthRequest {
  return toJson(`${issuer}/api/accounts/deviceauth/token`, { device_auth_id: deviceAuthId, user_code: userCode })
}

/** 403 and 404 mean "not yet" (upstream.md §8). */
export function parseDevicePollResponse({ status, bodyText }: OAuthResponse): DevicePollOutcome {
  if (status === 403 || status === 404) return { pending: true }
  const body = parseJsonObject(bodyText) ?? {}
  const code = stringAt(body, 'authorization_code')
  const verifier = stringAt(body, 'code_verifier')
  if (status !== 200 || code === undefined || verifier === undefined) {
    return { refused: toErrorCode(body) ?? `HTTP ${status}` }
  }
  return { granted: { code, verifier } }
}

/** Capture [49] */
export function toRevokeRequest(url: string, refreshToken: string, identity: OAuthIdentity): OAuthRequest {
  const { headers, ...request } = toJson(url, {
    token: refreshToken,
    token_type_hint: 'refresh_token',
    client_id: CODEX_CLIENT_ID,
  })
  const { accept = '*/*', ...first } = headers
  return {
    ...request,
    headers: { ...first, originator: identity.originator, 'user-agent': identity.userAgent, accept },
  }
}

function toForm(issuer: string, fields: Record<string, string>): OAuthRequest {
  return {
    method: 'POST',
    url: `${issuer}/oauth/token`,
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: '*/*' },
    body: new URLSearchParams(fields).toString(),
  }
}

function toJson(url: string, fields: Record<string, string>): OAuthRequest {
  return {
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json', accept: '*/*' },
    body: JSON.stringify(fields),
  }
}
