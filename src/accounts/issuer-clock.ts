/** Less is a slow network, not a wrong clock. */
const IGNORED_MS = 60_000

/**
 * The issuer's time as far as its tokens tell it. A machine whose clock is an hour ahead would take each fresh token for
 * an expired one and renew it with every request; one that is behind would send expired ones.
 */
export class IssuerClock {
  readonly #now: () => number
  #aheadMs = 0

  /** @param now this machine's own clock, Unix ms */
  constructor(now: () => number) {
    this.#now = now
  }

  now(): number {
    return this.#now() - this.#aheadMs
  }

  /** Told of a token that was issued just now. @param issuedAtMs its `iat`; undefined for an opaque one */
  learn(issuedAtMs: number | undefined): void {
    if (issuedAtMs === undefined) return
    const aheadMs = this.#now() - issuedAtMs
    this.#aheadMs = Math.abs(aheadMs) > IGNORED_MS ? aheadMs : 0
  }
}
