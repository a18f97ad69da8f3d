/** A request that got no answer. What its sender may do next hangs on whether the other side can have seen it. */
export class SendError extends Error {
  override readonly name = 'SendError'
  /** False: the connection was never made. True: the request may have arrived and taken effect. */
  readonly reached: boolean
  readonly host: string

  constructor(message: string, options: { reached: boolean; host: string; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.reached = options.reached
    this.host = options.host
  }
}
