import type { ServerResponse } from 'node:http'
import { sleep } from '../lib/sleep.ts'
import type { CallAnswer } from './other-calls.ts'
import type { CallName } from './records.ts'

/** `hang`: never answered. Without status and body: the usual answer, after the delay. */
export type ScriptedCall =
  | 'hang'
  | {
      readonly status?: number
      /** Text is sent as it is. */
      readonly body?: unknown
      readonly headers?: Readonly<Record<string, string>>
      readonly delay_ms?: number
    }

/** Scripts for the calls that generate nothing. */
export class ScriptedCalls {
  readonly #queues = new Map<CallName, ScriptedCall[]>()
  readonly #fixed = new Map<CallName, ScriptedCall>()

  play(name: CallName, answers: readonly ScriptedCall[]): void {
    this.#queues.set(name, [...(this.#queues.get(name) ?? []), ...answers])
  }

  fix(name: CallName, answer: ScriptedCall | undefined): void {
    if (answer === undefined) this.#fixed.delete(name)
    else this.#fixed.set(name, answer)
  }

  take(name: CallName): ScriptedCall | undefined {
    return this.#queues.get(name)?.shift() ?? this.#fixed.get(name)
  }

  reset(): void {
    this.#queues.clear()
    this.#fixed.clear()
  }
}

/** Sends the scripted answer, or the usual one, which is made only then: a refresh takes effect when it is answered. */
export async function sendCall(
  response: ServerResponse,
  scripted: ScriptedCall | undefined,
  usual: () => CallAnswer,
): Promise<void> {
  if (scripted === 'hang') return
  if (scripted?.delay_ms !== undefined && !(await waitFor(response, scripted.delay_ms))) return
  const isUsual = scripted === undefined || (scripted.status === undefined && scripted.body === undefined)
  const { status = 200, body = {}, headers } = isUsual ? usual() : scripted
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}

/** False when the client left meanwhile. */
async function waitFor(response: ServerResponse, ms: number): Promise<boolean> {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  try {
    await sleep(ms, gone.signal)
    return true
  } catch {
    return false
  }
}
