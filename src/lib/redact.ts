const SECRETS: readonly RegExp[] = [
  // JSON Web Tokens
  /\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g,
  // Personal access, API and refresh tokens by their prefixes
  /\b(?:at|rt|sk|sess)[-_](?=[\w-]*\d)[\w-]{16,}/g,
  /(?<=\bbearer\s+)[^\s"',]+/gi,
]

/** Tokens and keys this process holds, newest last: an opaque one looks like nothing in particular. */
const known = new Set<string>()
const MAX_KNOWN = 500
/** Shorter ones would be found in innocent words. */
const MIN_LENGTH = 8

/** From now on this very text is masked wherever a text is. */
export function keepSecret(secret: string | undefined): void {
  if (secret === undefined || secret.length < MIN_LENGTH) return
  known.delete(secret)
  known.add(secret)
  const [oldest] = known
  if (known.size > MAX_KNOWN && oldest !== undefined) known.delete(oldest)
}

/** The text with every secret we know, and everything that looks like a token, replaced. */
export function maskSecrets(text: string): string {
  let masked = text
  for (const secret of known) if (masked.includes(secret)) masked = masked.replaceAll(secret, '[secret]')
  return SECRETS.reduce((left, pattern) => left.replace(pattern, '[secret]'), masked)
}

/** `ann@example.com` → `a…@example.com`. */
export function maskEmail(email: string): string {
  const at = email.lastIndexOf('@')
  return at < 1 ? '…' : `${email[0]}…${email.slice(at)}`
}
