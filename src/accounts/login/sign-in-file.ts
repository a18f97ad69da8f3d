import { randomBytes } from 'node:crypto'
import { mkdir, realpath } from 'node:fs/promises'
import { dirname } from 'node:path'
import { stageFile, writeFileAtomically } from '../../lib/atomic-write.ts'
import type { JsonObject } from '../../lib/json.ts'
import { type AuthFile, apiKeyOnlyError, readAuthFile } from '../auth-file.ts'
import { parseClaims } from '../claims.ts'
import { type TakeWriteLock, underLock } from '../cli-locks.ts'
import { CODEX_CLIENT_ID } from '../oauth.ts'
import { RenewalFiles } from '../renewal-files.ts'
import type { NewTokens } from './requests.ts'

export interface NewSignIn {
  readonly tokens: NewTokens
  readonly apiKey: string | undefined
  readonly issuer: string
  readonly nowMs: number
}

/** An auth.json with every key the Codex CLI writes after a login (upstream.md §7). */
export function toSignInFile({ tokens, apiKey, issuer, nowMs }: NewSignIn): JsonObject {
  const accountId = parseClaims(tokens.idToken)?.accountId ?? parseClaims(tokens.accessToken)?.accountId
  return {
    auth_mode: 'chatgpt',
    OPENAI_API_KEY: apiKey ?? null,
    tokens: {
      id_token: tokens.idToken,
      access_token: tokens.accessToken,
      refresh_token: tokens.refreshToken,
      oauth_provenance: { issuer, client_id: CODEX_CLIENT_ID },
      login_owner_id: randomBytes(32).toString('base64url'),
      ...(accountId === undefined ? {} : { account_id: accountId }),
    },
    last_refresh: new Date(nowMs).toISOString(),
  }
}

export function toPersonalTokenFile(token: string): JsonObject {
  return { OPENAI_API_KEY: null, personal_access_token: token }
}

/**
 * Somebody else's auth.json, checked. The CLI sends nothing without `last_refresh`, so a file that lacks it gets one.
 * @throws GatewayError of connector.md §3.5, or Node's ENOENT
 */
export async function readImport(path: string, nowMs: number): Promise<AuthFile> {
  const file = await readAuthFile(path)
  if (file.login.kind === 'api_key') throw apiKeyOnlyError(path)
  if (file.login.kind !== 'chatgpt' || typeof file.json.last_refresh === 'string') return file
  return { ...file, json: { ...file.json, last_refresh: new Date(nowMs).toISOString() } }
}

/** A sign-in's file, and where what is renewed of it is kept. */
export interface SignInPlace {
  readonly path: string
  readonly storeDirectory: string | undefined
  readonly takeWriteLock: TakeWriteLock
}

/** Replaces whatever is at `path`, private to this user, under the CLI's locks. Nothing is left of what was there. */
export async function writeSignIn(place: SignInPlace, json: JsonObject): Promise<void> {
  const { path, takeWriteLock } = place
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await underLock(takeWriteLock, path, async () => {
    await writeFileAtomically(path, `${JSON.stringify(json, null, 2)}\n`)
    await (await toRenewals(place)).clear()
  })
}

export async function toRenewals({ path, storeDirectory, takeWriteLock }: SignInPlace): Promise<RenewalFiles> {
  const realPath = await realpath(path).catch(() => path)
  return new RenewalFiles({ path, realPath, stageFile, takeWriteLock, storeDirectory })
}
