import { createHash } from 'node:crypto'
import { type JsonObject, stringAt } from '../lib/json.ts'
import { CLIENT_ID, type Issuer, oauthError, type TokenOptions } from './issuer.ts'
import type { Refusal } from './refusal.ts'
import { randomToken } from './tokens.ts'

/** An answer to a browser. */
export interface PageAnswer extends Refusal {
  readonly headers?: Readonly<Record<string, string>>
}

interface Code {
  readonly redirectUri: string
  readonly challenge: string
}

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token'
const DEVICE_TTL_MS = 15 * 60_000
const REQUIRED = [
  'response_type',
  'client_id',
  'redirect_uri',
  'code_challenge',
  'code_challenge_method',
  'state',
  'scope',
]
const SCOPES = ['openid', 'profile', 'email', 'offline_access', 'api.connectors.read', 'api.connectors.invoke']

/** The issuer's login flows (upstream.md §8). The person it plays agrees to everything at once. */
export class SignIn {
  readonly #issuer: Issuer
  readonly #codes = new Map<string, Code>()
  readonly #devices = new Map<string, string>()
  /** Who signs in next. */
  account: TokenOptions = {}
  /** Seconds between polls; the real one says 5. */
  deviceIntervalS = 1
  /** False: the exchange for an API key is refused, as it is for accounts without a platform organisation. */
  givesApiKey = true

  constructor(issuer: Issuer) {
    this.#issuer = issuer
  }

  /** `GET /oauth/authorize`: a page that sends the browser back with a code. */
  authorize(query: URLSearchParams): PageAnswer {
    const missing = REQUIRED.find((name) => (query.get(name) ?? '') === '')
    if (missing !== undefined) return oauthError(400, 'missing_required_parameter', `Missing ${missing}.`)
    const redirectUri = query.get('redirect_uri') ?? ''
    const problem = findProblem(query, redirectUri)
    if (problem !== undefined) return oauthError(400, 'invalid_request', problem)
    const code = this.#newCode(redirectUri, query.get('code_challenge') ?? '')
    const target = new URL(redirectUri)
    target.searchParams.set('code', code)
    target.searchParams.set('scope', query.get('scope') ?? '')
    target.searchParams.set('state', query.get('state') ?? '')
    return { status: 302, body: {}, headers: { location: target.href } }
  }

  /** `POST /oauth/token` but for the refresh. */
  exchange(form: JsonObject): Refusal {
    const type = stringAt(form, 'grant_type')
    if (form.client_id !== CLIENT_ID) return oauthError(400, 'invalid_client', 'Unknown client_id.')
    if (type === 'authorization_code') return this.#exchangeCode(form)
    if (type === EXCHANGE) return this.#exchangeIdToken(form)
    return oauthError(400, 'unsupported_grant_type', `Unsupported grant type: ${type}.`)
  }

  /** `POST /api/accounts/deviceauth/usercode` */
  userCode(body: JsonObject): Refusal {
    if (body.client_id !== CLIENT_ID) return oauthError(400, 'invalid_client', 'Unknown client_id.')
    const id = `deviceauth_${randomToken(16)}`
    const userCode = `${randomToken(3)}-${randomToken(3)}`.toUpperCase()
    this.#devices.set(id, userCode)
    return {
      status: 200,
      body: {
        device_auth_id: id,
        user_code: userCode,
        interval: String(this.deviceIntervalS),
        expires_at: new Date(Date.now() + DEVICE_TTL_MS).toISOString(),
      },
    }
  }

  /** `POST /api/accounts/deviceauth/token`: the verifier is the server's own. */
  deviceToken(body: JsonObject): Refusal {
    const known = this.#devices.get(stringAt(body, 'device_auth_id') ?? '')
    if (known === undefined || known !== body.user_code) return oauthError(400, 'deviceauth_invalid', 'Unknown code.')
    const verifier = randomToken(64)
    const challenge = toChallenge(verifier)
    const code = this.#newCode(`${this.#issuer.url}/deviceauth/callback`, challenge)
    return {
      status: 200,
      body: { authorization_code: code, code_challenge: challenge, code_verifier: verifier },
    }
  }

  /** `POST /oauth/revoke` */
  revoke(body: JsonObject): Refusal {
    this.#issuer.spoilRefreshToken(stringAt(body, 'token') ?? '', 'revoked')
    return { status: 200, body: {} }
  }

  #newCode(redirectUri: string, challenge: string): string {
    const code = `ac_${randomToken(32)}`
    this.#codes.set(code, { redirectUri, challenge })
    return code
  }

  /** A code works once, for the redirect it was given for, with the verifier of its challenge. */
  #exchangeCode(form: JsonObject): Refusal {
    const code = stringAt(form, 'code') ?? ''
    const known = this.#codes.get(code)
    this.#codes.delete(code)
    if (known === undefined) return oauthError(400, 'invalid_grant', 'The code is unknown or was used already.')
    if (known.redirectUri !== form.redirect_uri) return oauthError(400, 'invalid_grant', 'Another redirect_uri.')
    if (known.challenge !== toChallenge(stringAt(form, 'code_verifier') ?? '')) {
      return oauthError(400, 'invalid_grant', 'The code_verifier does not match.')
    }
    return this.#issuer.grantTokens(this.account)
  }

  #exchangeIdToken(form: JsonObject): Refusal {
    const isKnown = this.#issuer.knowsIdToken(stringAt(form, 'subject_token') ?? '')
    if (!isKnown || form.subject_token_type !== ID_TOKEN || form.requested_token !== 'openai-api-key') {
      return oauthError(400, 'invalid_request', 'Not an id token of ours.')
    }
    if (!this.givesApiKey) return oauthError(401, 'no_organization', 'The account has no platform organisation.')
    return { status: 200, body: { access_token: `sk-simulated-${randomToken(24)}1`, token_type: 'Bearer' } }
  }
}

function findProblem(query: URLSearchParams, redirectUri: string): string | undefined {
  if (query.get('response_type') !== 'code') return 'response_type must be code.'
  if (query.get('client_id') !== CLIENT_ID) return 'Unknown client_id.'
  if (query.get('code_challenge_method') !== 'S256') return 'code_challenge_method must be S256.'
  if (!/^http:\/\/(?:localhost|127\.0\.0\.1):(?:1455|1457)\/auth\/callback$/.test(redirectUri)) {
    return 'This redirect_uri is not registered.'
  }
  const unknown = (query.get('scope') ?? '').split(' ').find((scope) => !SCOPES.includes(scope))
  return unknown === undefined ? undefined : `Unknown scope ${unknown}.`
}

function toChallenge(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url')
}
