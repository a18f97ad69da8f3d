import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { objectAt, parseJsonObject, stringAt } from '../src/lib/json.ts'
import { CODEX } from './run-client.ts'

export interface CodexTurns {
  /** One turn of the conversation. @returns the turn's status in the CLI's words, `completed` if all is well */
  turn(text: string): Promise<string>
  close(): void
}

const TURN_TIMEOUT_MS = 60_000

/** A real Codex CLI as a long-lived process, spoken to over its JSON-RPC: many turns without many starts. */
export async function startCodexTurns(options: {
  readonly cwd: string
  readonly env: Record<string, string>
  readonly model: string
}): Promise<CodexTurns> {
  const { cwd, env, model } = options
  const child = spawn(CODEX, ['app-server'], { cwd, env, stdio: 'pipe' })
  child.stderr.resume()
  const rpc = new Rpc(child)
  await rpc.call('initialize', { clientInfo: { name: 'codexway_tests', title: null, version: '1.0.0' } })
  rpc.notify('initialized')
  const started = await rpc.call('thread/start', { model, cwd, approvalPolicy: 'never', sandbox: 'read-only' })
  const threadId = stringAt(objectAt(started, 'thread') ?? {}, 'id')
  if (threadId === undefined) throw new Error(`no thread: ${JSON.stringify(started)}`)
  return {
    async turn(text) {
      const finished = rpc.next('turn/completed')
      await rpc.call('turn/start', { threadId, input: [{ type: 'text', text }] })
      const turn = objectAt(await finished, 'turn') ?? {}
      const message = stringAt(objectAt(turn, 'error') ?? {}, 'message')
      return message ?? stringAt(turn, 'status') ?? 'no status'
    },
    close: () => child.kill('SIGKILL'),
  }
}

type Params = Record<string, unknown>

class Rpc {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #waiting = new Map<string, (params: Params) => void>()
  #count = 0

  constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child
    createInterface({ input: child.stdout }).on('line', (line) => {
      const message = parseJsonObject(line) ?? {}
      const key = typeof message.id === 'number' ? `#${message.id}` : (stringAt(message, 'method') ?? '')
      const resolve = this.#waiting.get(key)
      this.#waiting.delete(key)
      resolve?.(objectAt(message, 'result') ?? objectAt(message, 'params') ?? message)
    })
  }

  call(method: string, params: Params): Promise<Params> {
    const id = this.#count++
    const answer = this.next(`#${id}`)
    this.#child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`)
    return answer
  }

  notify(method: string): void {
    this.#child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', method })}\n`)
  }

  /** The next message of this kind. */
  next(key: string): Promise<Params> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the Codex CLI sent no ${key}`)), TURN_TIMEOUT_MS)
      this.#waiting.set(key, (params) => {
        clearTimeout(timer)
        resolve(params)
      })
    })
  }
}
