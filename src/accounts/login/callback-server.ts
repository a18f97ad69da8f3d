import { createServer, request as httpRequest, type Server } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { abortable } from '../abortable.ts'
import { BrowserReturn } from './browser-return.ts'

export interface CallbackServer {
  /** `http://127.0.0.1:<port>/auth/callback` */
  readonly redirectUri: string
  readonly port: number
  /**
   * Waits for the browser. `finish` turns the code into a sign-in while the browser waits for the page that tells how it
   * went; what it throws is the login's failure. @throws Error with the reason
   */
  run(state: string, finish: (code: string) => Promise<void>, signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** The only ones the issuer sends a browser back to (upstream.md §8). */
const PORTS = [1455, 1457]
const FAMILIES = ['127.0.0.1', '::1']
const NO_SUCH_FAMILY = ['EADDRNOTAVAIL', 'EAFNOSUPPORT']
const CANCEL_TIMEOUT_MS = 1000
const CANCEL_TRIES = 10
const CANCEL_WAIT_MS = 100

/**
 * Listens for the browser's return on both loopback families. A login server that was left running on the first port is
 * asked to go, as the Codex CLI does. @throws Error that says which ports are taken
 */
export async function openCallbackServer(): Promise<CallbackServer> {
  for (const [index, port] of PORTS.entries()) {
    const servers = (await listen(port)) ?? (index === 0 ? await listenAfterCancel(port) : undefined)
    if (servers !== undefined) return toCallbackServer(port, servers)
  }
  throw new Error(
    `Ports ${PORTS.join(' and ')} are taken, and the login page sends a browser nowhere else. Use \`codexway login --paste\` or \`codexway login --device\`.`,
  )
}

interface Listening {
  readonly servers: readonly Server[]
  /** Nobody before the login has begun. */
  login: BrowserReturn | undefined
}

function toCallbackServer(port: number, listening: Listening): CallbackServer {
  return {
    port,
    redirectUri: `http://127.0.0.1:${port}/auth/callback`,
    async run(state, finish, signal) {
      const login = new BrowserReturn(state, finish)
      listening.login = login
      await abortable(login.done, signal)
    },
    async close() {
      await Promise.all(listening.servers.map(closeServer))
    },
  }
}

/** On every loopback family there is; undefined if one of them is taken. @throws Node's own error for anything else */
async function listen(port: number): Promise<Listening | undefined> {
  const servers: Server[] = []
  const listening: Listening = { servers, login: undefined }
  for (const host of FAMILIES) {
    const server = createServer((request, response) => {
      if (listening.login === undefined) response.writeHead(503).end()
      else void listening.login.answer(request, response)
    })
    const code = await listenOn(server, port, host)
    if (code === undefined) servers.push(server)
    else if (!NO_SUCH_FAMILY.includes(code)) {
      await Promise.all(servers.map(closeServer))
      return undefined
    }
  }
  return servers.length === 0 ? undefined : listening
}

/** @returns the error's code, undefined if it listens */
function listenOn(server: Server, port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    server.once('error', (error) => resolve('code' in error ? String(error.code) : 'unknown'))
    server.listen({ port, host, ipv6Only: true }, () => resolve(undefined))
  })
}

async function listenAfterCancel(port: number): Promise<Listening | undefined> {
  if (!(await cancelOther(port))) return undefined
  for (let attempt = 0; attempt < CANCEL_TRIES; attempt++) {
    const listening = await listen(port)
    if (listening !== undefined) return listening
    await delay(CANCEL_WAIT_MS)
  }
  return undefined
}

/** True if a login server was there and agreed to go. */
function cancelOther(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = httpRequest(
      { host: '127.0.0.1', port, path: '/cancel', timeout: CANCEL_TIMEOUT_MS },
      (response) => {
        response.resume()
        resolve(response.statusCode === 200)
      },
    )
    request.once('timeout', () => request.destroy())
    request.once('error', () => resolve(false))
    request.end()
  })
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  server.closeAllConnections()
  await closed
}
