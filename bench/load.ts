import { Agent, request } from 'node:http'

export interface Load {
  readonly port: number
  readonly path: string
  readonly body: string
  readonly requests: number
  readonly concurrency: number
}

export interface LoadResult {
  readonly wallMs: number
  readonly bytes: number
  readonly failed: number
}

/** Sends `requests` POSTs, `concurrency` at a time, and reads every answer to its end. */
export async function runLoad(load: Load): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: load.concurrency })
  const startedAt = performance.now()
  let started = 0
  let bytes = 0
  let failed = 0
  async function worker(): Promise<void> {
    while (started < load.requests) {
      started += 1
      const read = await post(agent, load)
      if (read === undefined) failed += 1
      else bytes += read
    }
  }
  await Promise.all(Array.from({ length: load.concurrency }, worker))
  agent.destroy()
  return { wallMs: performance.now() - startedAt, bytes, failed }
}

/** @returns bytes read, or undefined if the answer was no complete 200 */
function post(agent: Agent, { port, path, body }: Load): Promise<number | undefined> {
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const outgoing = request({ host: '127.0.0.1', port, path, method: 'POST', headers, agent }, (answer) => {
      let bytes = 0
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      answer.on('end', () => resolve(answer.statusCode === 200 ? bytes : undefined))
      answer.on('error', () => resolve(undefined))
    })
    outgoing.on('error', () => resolve(undefined))
    outgoing.end(body)
  })
}
