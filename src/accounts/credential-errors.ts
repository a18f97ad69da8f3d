import { maskSecrets } from '../lib/redact.ts'
import { GatewayError } from '../turn/errors.ts'

/** The sign-in is of no more use (connector.md §3.5). */
export function expiredError(path: string, reason: string, cause?: unknown): GatewayError {
  const message = `The Codex sign-in ${path} is no longer valid: ${maskSecrets(reason)}. Run \`codex login\` to sign in again.`
  return new GatewayError('codex_auth_expired', message, { cause })
}

/** The issuer gave no answer that settles anything; another try may help. */
export function refreshFailedError(host: string, reason: string, cause?: unknown): GatewayError {
  const message = `The sign-in could not be renewed at ${host} (${maskSecrets(reason)}). Check the connection to that host and try again.`
  return new GatewayError('codex_auth_refresh_failed', message, { cause })
}
