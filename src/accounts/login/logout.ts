import { unlink } from 'node:fs/promises'
import { type AuthFile, readAuthFile } from '../auth-file.ts'
import { type TakeWriteLock, underLock } from '../cli-locks.ts'
import { type OAuthIdentity, type OAuthSend, toIssuer } from '../oauth.ts'
import { sendWithin } from '../send-within.ts'
import { toRevokeRequest } from './requests.ts'

export interface LogoutOptions extends OAuthIdentity {
  readonly path: string
  readonly oauthIssuer: string | undefined
  /** `CODEX_REVOKE_TOKEN_URL_OVERRIDE` */
  readonly revokeUrl: string | undefined
  readonly send: OAuthSend
  readonly takeWriteLock: TakeWriteLock
}

export interface LogoutOutcome {
  /** False: nobody was signed in. */
  readonly wasThere: boolean
  /** Why the issuer could not be told; undefined = it was, or there was nothing to tell. */
  readonly notRevoked: string | undefined
}

const TIMEOUT_MS = 10_000

/** Revokes the refresh token, then removes the file, whatever the issuer says (upstream.md §8). */
export async function logout(options: LogoutOptions): Promise<LogoutOutcome> {
  const { path, takeWriteLock } = options
  const file = await readAuthFile(path).catch(() => undefined)
  const notRevoked = file === undefined ? undefined : await revoke(options, file)
  const wasThere = await underLock(takeWriteLock, path, () =>
    unlink(path).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return false
        throw error
      },
    ),
  )
  return { wasThere, notRevoked }
}

async function revoke(options: LogoutOptions, { login }: AuthFile): Promise<string | undefined> {
  if (login.kind !== 'chatgpt' || login.refreshToken === undefined) return undefined
  const url = options.revokeUrl ?? `${toIssuer(options, login.issuer)}/oauth/revoke`
  try {
    const { status } = await sendWithin(options.send, toRevokeRequest(url, login.refreshToken, options), TIMEOUT_MS)
    return status === 200 ? undefined : `HTTP ${status}`
  } catch {
    return `no answer from ${new URL(url).host}`
  }
}
