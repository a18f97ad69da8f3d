import { createHash, randomBytes } from 'node:crypto'

/** One attempt's secrets (RFC 7636), of the lengths the Codex CLI uses (upstream.md §8). */
export interface LoginSecrets {
  /** 86 characters. */
  readonly verifier: string
  readonly challenge: string
  /** 43 characters. */
  readonly state: string
}

export function createLoginSecrets(): LoginSecrets {
  const verifier = randomBytes(64).toString('base64url')
  return { verifier, challenge: toChallenge(verifier), state: randomBytes(32).toString('base64url') }
}

/** S256 */
export function toChallenge(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url')
}
