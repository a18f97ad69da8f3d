import type { IncomingMessage, ServerResponse } from 'node:http'
import { parseCallback } from './callback.ts'
import { toPage } from './pages.ts'

interface Reply {
  readonly status: number
  readonly title: string
  readonly text: string
  /** In place of a page. */
  readonly location?: string
  /** Once the browser has it. */
  readonly afterwards?: () => void
}

const PAGE_WAIT_MS = 3000
const HEADERS = { 'cache-control': 'no-store', 'referrer-policy': 'no-referrer', connection: 'close' }
const PAGE_HEADERS = {
  ...HEADERS,
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
}

/** One login's wait for the browser: answers what comes to the loopback port until the sign-in is complete or has failed. */
export class BrowserReturn {
  readonly #state: string
  readonly #finish: (code: string) => Promise<void>
  readonly #outcome = Promise.withResolvers<void>()
  #isTaken = false

  /** @param finish turns the code into a sign-in while the browser waits for its page */
  constructor(state: string, finish: (code: string) => Promise<void>) {
    this.#state = state
    this.#finish = finish
    // It may fail before anybody waits.
    this.#outcome.promise.catch(() => undefined)
  }

  /** Settles with the login. @throws Error with the reason */
  get done(): Promise<void> {
    return this.#outcome.promise
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, title, text, location, afterwards } = await this.#reply(request)
    if (afterwards !== undefined) response.once('close', afterwards)
    if (location !== undefined) response.writeHead(status, { ...HEADERS, location }).end()
    else response.writeHead(status, PAGE_HEADERS).end(toPage(title, text))
  }

  async #reply(request: IncomingMessage): Promise<Reply> {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1')
    if (!isLoopbackName(request.headers.host ?? '')) {
      return { status: 403, title: 'Not here', text: 'Open 127.0.0.1 instead.' }
    }
    if (request.method !== 'GET') return { status: 405, title: 'Not here', text: 'Only GET is answered here.' }
    if (url.pathname === '/auth/callback') return await this.#onCallback(url.searchParams)
    if (url.pathname === '/cancel') return this.#onCancel(request)
    if (url.pathname !== '/success' || !this.#isTaken) {
      return { status: 404, title: 'Not found', text: 'Nothing is here.' }
    }
    const text = 'You can close this page and go back to the terminal.'
    return { status: 200, title: 'Signed in', text, afterwards: () => this.#outcome.resolve() }
  }

  async #onCallback(query: URLSearchParams): Promise<Reply> {
    const callback = parseCallback(query, this.#state)
    if (callback.kind === 'wrong') return { status: 400, title: 'Sign-in not finished', text: callback.reason }
    if (callback.kind === 'refused') return this.#toFailure(new Error(`Sign-in failed: ${callback.reason}`))
    // A browser that loads the address twice must not use the code twice.
    if (this.#isTaken) return { status: 409, title: 'Sign-in under way', text: 'This address was opened already.' }
    this.#isTaken = true
    try {
      await this.#finish(callback.code)
    } catch (error) {
      return this.#toFailure(error instanceof Error ? error : new Error('Sign-in failed.'))
    }
    // The sign-in is whole even if the browser does not come for its page.
    const afterwards = () => void setTimeout(() => this.#outcome.resolve(), PAGE_WAIT_MS)
    return { status: 302, title: '', text: '', location: '/success', afterwards }
  }

  #onCancel(request: IncomingMessage): Reply {
    if (isFromElsewhere(request)) {
      return { status: 403, title: 'Not here', text: 'Only a program on this machine can end this login.' }
    }
    const text = 'Another login took over.'
    return { status: 200, title: 'Cancelled', text, afterwards: () => this.#outcome.reject(new Error(text)) }
  }

  #toFailure(error: Error): Reply {
    return { status: 200, title: 'Sign-in failed', text: error.message, afterwards: () => this.#outcome.reject(error) }
  }
}

/** Pages of other sites must not end a login; programs send no such header. */
function isFromElsewhere({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site']
  return site !== undefined && site !== 'none' && site !== 'same-origin'
}

function isLoopbackName(host: string): boolean {
  return /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i.test(host)
}
