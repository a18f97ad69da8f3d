import { GatewayError } from './errors.ts'

interface Call {
  readonly id: string
  readonly name: string
  readonly path: string
  isAnswered: boolean
}

/**
 * Which result belongs to which call, in protocols whose calls need no ids: a result then names the function, or nothing,
 * and is that of the first call still open. Ids made here come from the call's place, so that the next turn makes the same.
 */
export class CallLedger {
  readonly #calls: Call[] = []

  /** @returns the call's id, the client's own if it has one that is not taken */
  open(id: string, name: string, path: string): string {
    const isTaken = id === '' || this.#calls.some((call) => call.id === id)
    const own = isTaken ? `call_codexway_${this.#calls.length}` : id
    this.#calls.push({ id: own, name, path, isAnswered: false })
    return own
  }

  /** @returns the id of the call this is the result of; undefined if there is none */
  answer(id: string, name: string): string | undefined {
    const call = this.#find(id, name)
    if (call !== undefined) call.isAnswered = true
    return call?.id
  }

  /** The backend wants a result for every call. @throws GatewayError `missing_tool_output` with the call's path */
  refuseOpen(): void {
    const call = this.#calls.find(({ isAnswered }) => !isAnswered)
    if (call === undefined) return
    throw new GatewayError('missing_tool_output', `${call.path}: the call of "${call.name}" has no result.`, {
      param: call.path,
    })
  }

  #find(id: string, name: string): Call | undefined {
    const known = id === '' ? undefined : this.#calls.find((call) => call.id === id)
    if (known !== undefined) return known
    return this.#calls.find((call) => !call.isAnswered && (name === '' || call.name === name))
  }
}
