import { Agent, type IncomingMessage, request } from 'node:http'

export interface Load {
  readonly port: number
  readonly path: string
  readonly body: string
  readonly requests: number
  readonly concurrency: number
}

/** Sends `requests` POSTs, `concurrency` at a time, and reads every answer to its end. @throws if one is no whole 200 */
export async function runLoad(load: Load): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: load.concurrency })
  let started = 0
  async function worker(): Promise<void> {
    while (started < load.requests) {
      started += 1
      await readWhole(await post(agent, load))
    }
  }
  await Promise.all(Array.from({ length: load.concurrency }, worker))
  agent.destroy()
}

/** Resolves with the head of the answer. */
export function post(agent: Agent, { port, path, body }: Omit<Load, 'requests' | 'concurrency'>) {
  return new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const outgoing = request({ host: '127.0.0.1', port, path, method: 'POST', headers, agent }, resolve)
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

function readWhole(answer: IncomingMessage): Promise<void> {
  return new Promise((resolve, reject) => {
    answer.resume()
    answer.on('end', () => {
      if (answer.statusCode === 200) resolve()
      else reject(new Error(`answered ${answer.statusCode}`))
    })
    answer.on('error', reject)
  })
}
