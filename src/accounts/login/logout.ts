import { unlink } from 'node:fs/promises'
import { type AuthFile, type Login, readAuthFile } from '../auth-file.ts'
import { underLock } from '../cli-locks.ts'
import { type OAuthIdentity, type OAuthSend, toIssuer } from '../oauth.ts'
import type { RenewalFiles } from '../renewal-files.ts'
import { sendWithin } from '../send-within.ts'
import { toRevokeRequest } from './requests.ts'
import { type SignInPlace, toRenewals } from './sign-in-file.ts'

export interface LogoutOptions extends OAuthIdentity, SignInPlace {
  readonly oauthIssuer: string | undefined
  /** `CODEX_REVOKE_TOKEN_URL_OVERRIDE` */
  readonly revokeUrl: string | undefined
  readonly send: OAuthSend
}

export interface LogoutOutcome {
  /** False: nobody was signed in. */
  readonly wasThere: boolean
  /** Why the issuer could not be told; undefined = it was, or there was nothing to tell. */
  readonly notRevoked: string | undefined
}

const TIMEOUT_MS = 10_000

/** Revokes the refresh token, then removes the file and what was renewed of it, whatever the issuer says (upstream.md §8). */
export async function logout(options: LogoutOptions): Promise<LogoutOutcome> {
  const { path, takeWriteLock } = options
  const renewals = await toRenewals(options)
  const file = await readAuthFile(path).catch(() => undefined)
  const notRevoked = file === undefined ? undefined : await revoke(options, await newestOf(file, renewals))
  const wasThere = await underLock(takeWriteLock, path, () =>
    unlink(path).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return false
        throw error
      },
    ),
  )
  await renewals.clear()
  return { wasThere, notRevoked }
}

/** The file may hold a refresh token that is used up, and its successor lie elsewhere. */
async function newestOf({ login }: AuthFile, renewals: RenewalFiles): Promise<Login> {
  if (login.kind !== 'chatgpt' || login.refreshToken === undefined) return login
  return (await renewals.find(login.refreshToken)) ?? login
}

async function revoke(options: LogoutOptions, login: Login): Promise<string | undefined> {
  if (login.kind !== 'chatgpt' || login.refreshToken === undefined) return undefined
  const url = options.revokeUrl ?? `${toIssuer(options, login.issuer)}/oauth/revoke`
  try {
    const { status } = await sendWithin(options.send, toRevokeRequest(url, login.refreshToken, options), TIMEOUT_MS)
    return status === 200 ? undefined : `HTTP ${status}`
  } catch {
    return `no answer from ${new URL(url).host}`
  }
}
