import { logout } from '../accounts/login/logout.ts'
import type { Flags } from '../config/load.ts'
import { createSignIn } from '../server/sign-in.ts'
import { loadOrReport } from './load-or-report.ts'

export interface LogoutFlags extends Flags {
  readonly account?: string
}

/** `codexway logout`: the sign-in is revoked and its file removed. */
export async function runLogout(flags: LogoutFlags): Promise<number> {
  const loaded = loadOrReport(flags)
  if (loaded === undefined) return 2
  const signIn = await createSignIn(
    loaded,
    (_fields, message) => process.stderr.write(`codexway: ${message}\n`),
    flags.account,
  )
  const { wasThere, notRevoked } = await logout(signIn)
  if (notRevoked !== undefined) {
    process.stderr.write(
      `codexway: the issuer was not told (${notRevoked}); revoke the session in ChatGPT's security settings.\n`,
    )
  }
  process.stdout.write(wasThere ? `Signed out: ${signIn.path} is removed\n` : `Nobody is signed in at ${signIn.path}\n`)
  return 0
}
