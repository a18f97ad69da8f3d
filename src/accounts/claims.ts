import { type JsonObject, numberAt, objectAt, parseJsonObject, stringAt } from '../lib/json.ts'

/** What a token says of itself (upstream.md §7). Nothing here is verified: the backend does that. */
export interface TokenClaims {
  readonly issuedAtMs: number | undefined
  readonly expiresAtMs: number | undefined
  readonly accountId: string | undefined
  readonly userId: string | undefined
  readonly plan: string | undefined
  readonly email: string | undefined
  readonly isFedramp: boolean
}

const AUTH_CLAIM = 'https://api.openai.com/auth'
const PROFILE_CLAIM = 'https://api.openai.com/profile'

/** `undefined` for an opaque token: anything that is no JWT with a JSON object inside. */
export function parseClaims(token: string | undefined): TokenClaims | undefined {
  const payload = readPayload(token ?? '')
  if (payload === undefined) return undefined

  const auth = objectAt(payload, AUTH_CLAIM) ?? {}
  return {
    issuedAtMs: toMs(numberAt(payload, 'iat')),
    expiresAtMs: toMs(numberAt(payload, 'exp')),
    accountId: stringAt(auth, 'chatgpt_account_id'),
    userId: stringAt(auth, 'chatgpt_user_id') ?? stringAt(auth, 'user_id'),
    plan: stringAt(auth, 'chatgpt_plan_type'),
    email: stringAt(payload, 'email') ?? stringAt(objectAt(payload, PROFILE_CLAIM) ?? {}, 'email'),
    isFedramp: auth.chatgpt_account_is_fedramp === true,
  }
}

function toMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000
}

function readPayload(token: string): JsonObject | undefined {
  const [header, payload, signature, ...rest] = token.split('.')
  if (!header || !payload || signature === undefined || rest.length > 0) return undefined
  return parseJsonObject(Buffer.from(payload, 'base64url').toString('utf8'))
}
