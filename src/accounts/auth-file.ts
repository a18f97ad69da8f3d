import { readFile } from 'node:fs/promises'
import { isObject, type JsonObject, objectAt, stringAt } from '../lib/json.ts'
import { keepSecret } from '../lib/redact.ts'
import { GatewayError } from '../turn/errors.ts'
import { parseClaims, type TokenClaims } from './claims.ts'
import { findJsonError } from './json-position.ts'

/** What an auth.json holds, by the forms of connector.md §3.2. */
export interface AuthFile {
  /** Everything in it, for rewriting. */
  readonly json: JsonObject
  readonly login: Login
}

export type Login = ChatGptLogin | KeyLogin

export interface ChatGptLogin {
  readonly kind: 'chatgpt'
  /** The access token. */
  readonly token: string
  readonly refreshToken: string | undefined
  readonly idToken: string | undefined
  readonly accountId: string | undefined
  readonly isFedramp: boolean
  readonly email: string | undefined
  readonly plan: string | undefined
  /** `iat` of the access token. */
  readonly issuedAtMs: number | undefined
  /** `exp` of the access token; undefined for an opaque one. */
  readonly expiresAtMs: number | undefined
  readonly lastRefreshMs: number | undefined
  /** `tokens.oauth_provenance.issuer` */
  readonly issuer: string | undefined
}

export interface KeyLogin {
  readonly kind: 'personal_access_token' | 'api_key'
  readonly token: string
}

/** @throws GatewayError of connector.md §3.5; for a file that is not there, Node's own ENOENT */
export async function readAuthFile(path: string): Promise<AuthFile> {
  return parseAuthFile(await readAuthText(path), path)
}

/** @throws GatewayError if it is there and cannot be read */
export async function readAuthText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    if (code === 'ENOENT' || code === 'ENOTDIR') throw error
    const reason = code === 'EISDIR' ? 'it is a directory' : code
    const message = `The Codex sign-in ${path} cannot be read (${reason}). Make it a file this user may read, or run \`codex login\`.`
    throw new GatewayError('codex_auth_missing', message, { cause: error })
  }
}

/** @throws GatewayError `codex_auth_malformed` or `codex_auth_missing_token`; its message never quotes the text */
export function parseAuthFile(text: string, path: string): AuthFile {
  const content = text.startsWith('\ufeff') ? text.slice(1) : text
  const json = parseJson(content, path)
  const login = isObject(json) ? toLogin(json) : undefined
  if (isObject(json) && login !== undefined) return { json, login }
  throw missingTokenError(path, describeContent(json))
}

/** `undefined` if there is nothing usable in it. What it holds is masked in every log line and error from then on. */
export function toLogin(json: JsonObject): Login | undefined {
  const tokens = objectAt(json, 'tokens') ?? {}
  const secrets = [
    tokens.access_token,
    tokens.refresh_token,
    tokens.id_token,
    json.personal_access_token,
    json.OPENAI_API_KEY,
  ]
  for (const secret of secrets) keepSecret(headerText(secret))
  const accessToken = headerText(tokens.access_token)
  if (accessToken !== undefined) return toChatGptLogin(json, tokens, accessToken)
  const personal = headerText(json.personal_access_token)
  if (personal !== undefined) return { kind: 'personal_access_token', token: personal }
  const apiKey = headerText(json.OPENAI_API_KEY)
  return apiKey === undefined ? undefined : { kind: 'api_key', token: apiKey }
}

/** @param found what is there instead, e.g. `an empty object` */
export function missingTokenError(path: string, found: string): GatewayError {
  return new GatewayError(
    'codex_auth_missing_token',
    `The Codex sign-in ${path} holds no usable token (found ${found}). Run \`codex login\` to sign in with ChatGPT.`,
  )
}

export function apiKeyOnlyError(path: string): GatewayError {
  return new GatewayError(
    'codex_auth_missing_token',
    `API key found, ChatGPT login needed: ${path} holds only OPENAI_API_KEY, which this backend does not take. ` +
      'Run `codex login` to sign in with ChatGPT.',
  )
}

function toChatGptLogin(json: JsonObject, tokens: JsonObject, accessToken: string): ChatGptLogin {
  const idToken = stringAt(tokens, 'id_token')
  const access = parseClaims(accessToken)
  const id = parseClaims(idToken)
  return {
    kind: 'chatgpt',
    token: accessToken,
    refreshToken: headerText(tokens.refresh_token),
    idToken,
    accountId: toAccountId([tokens.account_id, access?.accountId, id?.accountId, json.account_id]),
    isFedramp: isFedramp(access) || isFedramp(id),
    email: id?.email ?? access?.email,
    plan: id?.plan ?? access?.plan,
    issuedAtMs: access?.issuedAtMs,
    expiresAtMs: access?.expiresAtMs,
    lastRefreshMs: toMs(stringAt(json, 'last_refresh')),
    issuer: stringAt(objectAt(tokens, 'oauth_provenance') ?? {}, 'issuer'),
  }
}

function toAccountId(candidates: readonly unknown[]): string | undefined {
  return candidates.map(headerText).find((id) => id !== undefined)
}

function isFedramp(claims: TokenClaims | undefined): boolean {
  return claims?.isFedramp ?? false
}

function toMs(date: string | undefined): number | undefined {
  const ms = Date.parse(date ?? '')
  return Number.isNaN(ms) ? undefined : ms
}

/** Only what an HTTP header can carry; a stray line break around a pasted token is not part of it. */
function headerText(value: unknown): string | undefined {
  const text = typeof value === 'string' ? value.trim() : ''
  return /^[\x21-\x7e]+$/.test(text) ? text : undefined
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // No cause: the engine's message quotes the text.
    const { line, column } = findJsonError(text) ?? { line: 1, column: 1 }
    throw new GatewayError(
      'codex_auth_malformed',
      `The Codex sign-in ${path} is not valid JSON (line ${line}, column ${column}). Repair it or run \`codex login\`.`,
    )
  }
}

function describeContent(json: unknown): string {
  if (!isObject(json)) return Array.isArray(json) ? 'a list' : `${json === null ? 'null' : `a ${typeof json}`}`
  if (Object.keys(json).length === 0) return 'an empty object'
  const tokens = objectAt(json, 'tokens')
  if (tokens?.access_token !== undefined && tokens.access_token !== null) return 'an unusable tokens.access_token'
  if (tokens?.refresh_token !== undefined) return 'a refresh token without an access token'
  if (isObject(json.agent_identity)) return 'an agent identity'
  return 'an object without tokens'
}
