const SECRETS: readonly RegExp[] = [
  // JSON Web Tokens
  /\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g,
  // Personal access, API and refresh tokens by their prefixes
  /\b(?:at|rt|sk|sess)[-_](?=[\w-]*\d)[\w-]{16,}/g,
  /(?<=\bbearer\s+)[^\s"',]+/gi,
]

/** The text with everything that looks like a token replaced. */
export function maskSecrets(text: string): string {
  return SECRETS.reduce((masked, pattern) => masked.replace(pattern, '[secret]'), text)
}

/** `ann@example.com` → `a…@example.com`. */
export function maskEmail(email: string): string {
  const at = email.lastIndexOf('@')
  return at < 1 ? '…' : `${email[0]}…${email.slice(at)}`
}
