import { GatewayError } from '../turn/errors.ts'

/** Work for a client that may leave, by a server that may be stopped. */
export class Stoppable {
  readonly #abort = new AbortController()

  /** Aborted when the client has left or the server must stop; `reason` is the GatewayError that says which. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  stop(reason: GatewayError): void {
    this.#abort.abort(reason)
  }

  /** The error the client should see: what stopped the work explains better than what broke because of it. */
  failure(thrown: unknown): GatewayError {
    const reason: unknown = this.signal.aborted ? this.signal.reason : undefined
    return reason instanceof GatewayError ? reason : GatewayError.from(thrown)
  }
}
