import type { Login } from './auth-file.ts'

const DUE_BEFORE_EXPIRY_MS = 5 * 60_000
const DUE_AFTER_REFRESH_MS = 8 * 24 * 3_600_000

/** Known to be past its `exp`; what cannot be read is not known to be. */
export function isExpired(login: Login, nowMs: number): boolean {
  return login.kind === 'chatgpt' && login.expiresAtMs !== undefined && login.expiresAtMs <= nowMs
}

/** Time for a proactive refresh (connector.md §3.4, first row). */
export function isDue(login: Login, nowMs: number): boolean {
  if (login.kind !== 'chatgpt') return false
  if (login.expiresAtMs !== undefined) return login.expiresAtMs - nowMs < DUE_BEFORE_EXPIRY_MS
  return login.lastRefreshMs !== undefined && nowMs - login.lastRefreshMs > DUE_AFTER_REFRESH_MS
}
