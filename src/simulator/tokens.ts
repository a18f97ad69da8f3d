import { randomBytes } from 'node:crypto'
import type { JsonObject } from '../lib/json.ts'

export interface Claims {
  readonly accountId: string
  readonly email: string
  readonly plan: string
  readonly userId: string
  readonly isFedramp: boolean
  readonly expiresAtMs: number
}

/** An id token with the claims the CLI reads (upstream.md §7). */
export function toIdToken(issuer: string, claims: Claims): string {
  return toJwt({
    ...commonClaims(issuer, claims),
    aud: ['app_EMoamEEZ73f0CkXaXp7hrann'],
    email: claims.email,
    email_verified: true,
    'https://api.openai.com/auth': authClaim(claims),
  })
}

export function toAccessToken(issuer: string, claims: Claims): string {
  return toJwt({
    ...commonClaims(issuer, claims),
    aud: ['https://api.openai.com/v1'],
    client_id: 'app_EMoamEEZ73f0CkXaXp7hrann',
    scp: ['openid', 'profile', 'email', 'offline_access'],
    'https://api.openai.com/auth': authClaim(claims),
    'https://api.openai.com/profile': { email: claims.email, email_verified: true },
  })
}

function commonClaims(issuer: string, { expiresAtMs, userId }: Claims): JsonObject {
  const nowS = Math.floor(Date.now() / 1000)
  return { iss: issuer, sub: `auth0|${userId}`, iat: nowS, exp: Math.floor(expiresAtMs / 1000), jti: randomToken(12) }
}

function authClaim({ accountId, plan, userId, isFedramp }: Claims): JsonObject {
  return {
    chatgpt_account_id: accountId,
    chatgpt_plan_type: plan,
    chatgpt_user_id: userId,
    user_id: userId,
    chatgpt_account_is_fedramp: isFedramp,
    organizations: [],
  }
}

/** Three parts like any JWT; nobody here checks signatures, and this one is none. */
function toJwt(claims: JsonObject): string {
  const encode = (value: JsonObject) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${encode({ alg: 'none', typ: 'JWT', kid: 'simulator' })}.${encode(claims)}.${randomToken(32)}`
}

export function randomToken(bytes: number): string {
  return randomBytes(bytes).toString('base64url')
}
