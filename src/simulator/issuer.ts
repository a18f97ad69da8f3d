import { randomBytes } from 'node:crypto'
import type { JsonObject } from '../lib/json.ts'

export interface TokenOptions {
  readonly accountId?: string
  readonly email?: string
  readonly plan?: string
  readonly expiresInS?: number
  /** No readable claims. */
  readonly opaque?: boolean
}

export interface IssuedTokens {
  readonly access_token: string
  readonly id_token: string
  readonly refresh_token: string
  readonly account_id: string
}

interface Grant {
  readonly options: TokenOptions
  isUsed: boolean
}

/** The OAuth side: tokens with the claims of upstream.md §7, single-use refresh tokens (backend-facts.md §2). */
export class Issuer {
  readonly #grants = new Map<string, Grant>()
  readonly #access = new Map<string, { accountId: string; expiresAtMs: number }>()

  issue(options: TokenOptions = {}): IssuedTokens {
    const { accountId = 'acct-A', email = 'person@example.com', plan = 'plus', expiresInS = 3600 } = options
    const expiresAtMs = Date.now() + expiresInS * 1000
    const auth = { chatgpt_account_id: accountId, chatgpt_plan_type: plan, chatgpt_user_id: 'user-1' }
    const claims = {
      exp: Math.floor(expiresAtMs / 1000),
      email,
      'https://api.openai.com/auth': auth,
      jti: randomBytes(9).toString('hex'),
    }
    const accessToken = options.opaque === true ? `opaque-${randomBytes(24).toString('hex')}` : toJwt(claims)
    const refreshToken = `rt_${randomBytes(24).toString('hex')}`
    this.#grants.set(refreshToken, { options, isUsed: false })
    this.#access.set(accessToken, { accountId, expiresAtMs })
    return { access_token: accessToken, id_token: toJwt(claims), refresh_token: refreshToken, account_id: accountId }
  }

  /** Fills a file in the CLI's own form. */
  authFile(options: TokenOptions = {}): JsonObject {
    const { account_id: accountId, ...tokens } = this.issue(options)
    return {
      auth_mode: 'chatgpt',
      OPENAI_API_KEY: null,
      tokens: { ...tokens, account_id: accountId },
      last_refresh: new Date().toISOString(),
    }
  }

  refresh(refreshToken: string): { status: number; body: JsonObject } {
    const grant = this.#grants.get(refreshToken)
    if (grant === undefined) return refusal('refresh_token_invalidated')
    if (grant.isUsed) return refusal('refresh_token_reused')
    grant.isUsed = true
    const { account_id: _account, ...tokens } = this.issue({ ...grant.options, expiresInS: 3600 })
    return { status: 200, body: { ...tokens, token_type: 'Bearer', expires_in: 3600 } }
  }

  /** The account a token is good for; undefined = none. */
  accountOf(authorization: string): string | undefined {
    const known = this.#access.get(authorization.replace(/^Bearer /, ''))
    return known === undefined || known.expiresAtMs <= Date.now() ? undefined : known.accountId
  }
}

function refusal(code: string): { status: number; body: JsonObject } {
  return {
    status: 401,
    body: { error: { code, message: `The refresh token cannot be used: ${code}.`, type: 'invalid_request_error' } },
  }
}

function toJwt(claims: JsonObject): string {
  const encode = (value: JsonObject) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims)}.${randomBytes(8).toString('base64url')}`
}
