import { GatewayError } from '../turn/errors.ts'
import { abortable } from './abortable.ts'
import { expiredError, refreshFailedError } from './credential-errors.ts'
import {
  type OAuthIdentity,
  type OAuthSend,
  type PersonalIdentity,
  parseWhoamiResponse,
  toWhoamiRequest,
} from './oauth.ts'
import { sendWithin } from './send-within.ts'

export interface WhoamiQuestion extends OAuthIdentity {
  readonly token: string
  /** The file the token is from, for messages. */
  readonly path: string
  readonly issuer: string
  readonly send: OAuthSend
}

/** Whose a personal access token is: asked once per token (connector.md §3.2). */
export class PersonalIdentities {
  readonly #timeoutMs: number
  #latest: { readonly token: string; readonly identity: Promise<PersonalIdentity> } | undefined
  #known: { readonly token: string; readonly identity: PersonalIdentity } | undefined

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  /** What has been learnt already, without asking. */
  known(token: string): PersonalIdentity | undefined {
    return this.#known?.token === token ? this.#known.identity : undefined
  }

  /** @throws GatewayError `codex_auth_expired` or `codex_auth_refresh_failed` */
  identify(question: WhoamiQuestion, signal: AbortSignal): Promise<PersonalIdentity> {
    if (this.#latest?.token !== question.token) {
      const identity = this.#ask(question)
      const asked = { token: question.token, identity }
      this.#latest = asked
      identity.then(
        (value) => {
          this.#known = { token: question.token, identity: value }
        },
        () => {
          if (this.#latest === asked) this.#latest = undefined
        },
      )
    }
    return abortable(this.#latest.identity, signal)
  }

  async #ask({ token, path, issuer, send, originator, userAgent }: WhoamiQuestion): Promise<PersonalIdentity> {
    const host = URL.canParse(issuer) ? new URL(issuer).host : issuer
    const request = toWhoamiRequest(issuer, token, { originator, userAgent })
    try {
      const outcome = parseWhoamiResponse(await sendWithin(send, request, this.#timeoutMs))
      if (outcome.kind === 'known') return outcome.identity
      if (outcome.kind === 'failed') throw refreshFailedError(host, outcome.reason)
      throw expiredError(path, `${host} refused its personal access token (${outcome.code})`)
    } catch (error) {
      if (error instanceof GatewayError) throw error
      throw refreshFailedError(host, 'no answer', error)
    }
  }
}
