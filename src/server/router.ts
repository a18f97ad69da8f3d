import { GatewayError } from '../turn/errors.ts'
import type { Exchange } from './exchange.ts'

export type Handler = (exchange: Exchange) => Promise<void> | void

interface Route {
  readonly methods: Map<string, Handler>
  /** Served without a gateway key. */
  readonly isPublic: boolean
}

export interface Match {
  readonly handler: Handler
  readonly isPublic: boolean
}

const OFFERED =
  'Offered here: POST /v1/chat/completions, POST /v1/completions, POST /v1/images/generations, POST /v1/images/edits, POST /v1/audio/transcriptions, POST /v1/responses, GET and DELETE /v1/responses/{id}, POST /v1/messages, POST /v1/messages/count_tokens, GET /v1/models, GET /v1/models/{id}, POST /v1beta/models/{model}:generateContent, POST /api/chat and the rest for Ollama clients (setting ollama), GET /v1/usage, GET /metrics, GET /health, GET /ready. Base URLs end in /v1.'
const OFFERED_TO_CODEX =
  'Offered to Codex clients below /backend-api: codex/responses, codex/models, codex/images/generations, codex/images/edits, codex/alpha/search, wham/usage, wham/accounts/check. Other services of ChatGPT are not passed on.'

/** Exact paths, and prefixes for the one-segment parameters of `…/{id}` routes. */
export class Router {
  readonly #exact = new Map<string, Route>()
  readonly #prefixes: [string, Route][] = []

  add(method: string, path: string, handler: Handler): this {
    return this.#add(method, path, handler, { methods: new Map(), isPublic: false })
  }

  addPublic(method: string, path: string, handler: Handler): this {
    return this.#add(method, path, handler, { methods: new Map(), isPublic: true })
  }

  #add(method: string, path: string, handler: Handler, fresh: Route): this {
    if (path.endsWith('/*')) {
      const prefix = path.slice(0, -1)
      const known = this.#prefixes.find(([other]) => other === prefix)?.[1]
      if (known === undefined) this.#prefixes.push([prefix, fresh])
      const prefixed = known ?? fresh
      prefixed.methods.set(method, handler)
      return this
    }
    const route = this.#exact.get(path) ?? fresh
    route.methods.set(method, handler)
    this.#exact.set(path, route)
    return this
  }

  /** The route's own name of a path, `other` for paths there are none of: few, whatever clients ask for. */
  nameOf(path: string): string {
    if (this.#exact.has(path)) return path
    const prefix = this.#prefixes.find(([start]) => path.startsWith(start))?.[0]
    return prefix === undefined ? 'other' : `${prefix}{id}`
  }

  /** @throws GatewayError `unknown_url`, `method_not_allowed` */
  match(method: string, path: string): Match {
    const route = this.#exact.get(path) ?? this.#prefixes.find(([prefix]) => path.startsWith(prefix))?.[1]
    if (route === undefined) {
      throw new GatewayError(
        'unknown_url',
        `There is no ${path.slice(0, 200)} here; this backend has no such API. ${path.startsWith('/backend-api/') ? OFFERED_TO_CODEX : OFFERED}`,
      )
    }
    const handler = route.methods.get(method) ?? (method === 'HEAD' ? route.methods.get('GET') : undefined)
    if (handler === undefined) {
      const allow = [...route.methods.keys()].join(', ')
      throw new GatewayError('method_not_allowed', `${method} is not possible here; use ${allow}.`, {
        headers: { allow },
      })
    }
    return { handler, isPublic: route.isPublic }
  }
}
