import { type JsonObject, stringAt } from '../lib/json.ts'
import { DOT } from './dot.ts'
import { CLIENT_ID, type Issuer } from './issuer.ts'
import type { CallName, OtherCall } from './records.ts'
import { detail, type Refusal } from './refusal.ts'
import type { SignIn } from './sign-in.ts'

export interface CallContext {
  readonly issuer: Issuer
  readonly signIn: SignIn
  readonly models: readonly JsonObject[]
  readonly modelsEtag: string
  readonly anyToken: boolean
}

export interface CallAnswer extends Refusal {
  readonly headers?: Readonly<Record<string, string>>
}

/** By the path's end, so that any base path works. */
export function toCallName(method: string, path: string): CallName {
  if (path.endsWith('/oauth/token')) return 'token'
  if (path.endsWith('/oauth/revoke')) return 'revoke'
  if (path.endsWith('/oauth/authorize')) return 'authorize'
  if (path.endsWith('/deviceauth/usercode')) return 'device_usercode'
  if (path.endsWith('/deviceauth/token')) return 'device_token'
  if (path.endsWith('/user-auth-credential/whoami')) return 'whoami'
  if (method === 'POST' && /\/images\/(?:generations|edits)$/.test(path)) return 'images'
  if (method === 'POST' && path.endsWith('/alpha/search')) return 'search'
  if (method === 'POST' && path.endsWith('/transcribe')) return 'transcribe'
  if (method !== 'GET') return 'other'
  if (path.endsWith('/models')) return 'models'
  if (path.endsWith('/usage')) return 'usage'
  if (path.endsWith('/accounts/check')) return 'accounts_check'
  return path.endsWith('/responses') ? 'upgrade' : 'other'
}

/** Everything that generates nothing (upstream.md §3, §4, §6, §7). */
export function answerCall(call: OtherCall, context: CallContext): CallAnswer {
  const { issuer } = context
  const signedIn = answerSignIn(call, context)
  if (signedIn !== undefined) return signedIn
  if (call.name === 'whoami') return issuer.whoami(call.headers)
  if (call.name === 'upgrade') return detail('Method Not Allowed', 405)
  if (call.name === 'other') return detail('Not Found', 404)
  const refusal = context.anyToken ? undefined : issuer.findAuthRefusal(call.headers)
  if (refusal !== undefined) return refusal
  if (call.name === 'models') {
    return { status: 200, body: { models: [...context.models] }, headers: { etag: context.modelsEtag } }
  }
  if (call.name === 'images') return { status: 200, body: toImage(call.body) }
  if (call.name === 'search')
    return { status: 200, body: { output: 'Simulated search result.', encrypted_output: 'U0VBTA==' } }
  if (call.name === 'transcribe') return { status: 200, body: { text: 'Simulated transcript.' } }
  return { status: 200, body: call.name === 'usage' ? toUsage(call, issuer) : toAccounts(call, issuer) }
}

/** One dot, whatever was asked for (upstream.md §4). */
function toImage({ size }: JsonObject): JsonObject {
  return { created: Math.floor(Date.now() / 1000), data: [{ b64_json: DOT }], size: size ?? 'auto' }
}

/** The issuer's calls that need no token; undefined for all others (upstream.md §8). */
function answerSignIn({ name, path, body }: OtherCall, { issuer, signIn }: CallContext): CallAnswer | undefined {
  switch (name) {
    case 'token':
      return stringAt(body, 'grant_type') === 'refresh_token' && body.client_id === CLIENT_ID
        ? issuer.refresh(stringAt(body, 'refresh_token') ?? '')
        : signIn.exchange(body)
    case 'authorize':
      return signIn.authorize(new URL(path, issuer.url).searchParams)
    case 'device_usercode':
      return signIn.userCode(body)
    case 'device_token':
      return signIn.deviceToken(body)
    case 'revoke':
      return signIn.revoke(body)
    default:
      return undefined
  }
}

function toAccounts(call: OtherCall, issuer: Issuer): JsonObject {
  const id = String(call.headers['chatgpt-account-id'] ?? issuer.claimsOf(call.headers)?.accountId ?? 'acct-A')
  return {
    accounts: [
      {
        id,
        account_id: id,
        plan_type: issuer.claimsOf(call.headers)?.plan ?? 'plus',
        name: 'Simulated',
        structure: 'personal',
        workspace_backend_origin: issuer.url,
        account_routing_override: 'NO_CONSTRAINT',
      },
    ],
    account_ordering: [id],
    default_account_id: id,
  }
}

function toUsage(call: OtherCall, issuer: Issuer): JsonObject {
  const claims = issuer.claimsOf(call.headers)
  return {
    user_id: claims?.userId ?? 'user-simulated',
    account_id: claims?.accountId ?? 'acct-A',
    email: claims?.email ?? 'person@example.com',
    plan_type: claims?.plan ?? 'plus',
    rate_limit: {
      allowed: true,
      limit_reached: false,
      primary_window: toWindow(12, 18_000, 3600),
      secondary_window: toWindow(34, 604_800, 200_000),
    },
    code_review_rate_limit: null,
    credits: { has_credits: false, unlimited: false, balance: '0' },
  }
}

function toWindow(usedPercent: number, windowS: number, resetAfterS: number): JsonObject {
  return {
    used_percent: usedPercent,
    limit_window_seconds: windowS,
    reset_after_seconds: resetAfterS,
    reset_at: Math.floor(Date.now() / 1000) + resetAfterS,
  }
}
