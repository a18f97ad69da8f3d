import { GatewayError } from '../turn/errors.ts'
import type { Exchange } from './exchange.ts'

export interface OriginRules {
  /** Names `Host` may carry besides loopback ones while bound to loopback. */
  readonly allowedHosts: readonly string[]
  readonly corsOrigins: readonly string[]
  readonly isLoopbackBind: boolean
}

const EXPOSED = [
  'x-request-id',
  'request-id',
  'x-codexway-request-id',
  'x-codexway-dropped-params',
  'x-codexway-adjusted-params',
  'x-should-retry',
  'retry-after',
].join(', ')

/**
 * Keeps web pages of other origins and rebound DNS names out, and answers CORS for allowed origins (connector.md §14).
 * @returns true if the request was a preflight and is answered
 * @throws GatewayError `host_not_allowed`, `origin_not_allowed`
 */
export function guardOrigin(exchange: Exchange, rules: OriginRules): boolean {
  const { headers } = exchange
  if (rules.isLoopbackBind && !isAllowedHost(headers.host ?? '', rules.allowedHosts)) {
    throw new GatewayError(
      'host_not_allowed',
      'This gateway listens on loopback and answers to loopback names only. Add the name to server.allowed_hosts to allow it.',
    )
  }
  const origin = headers.origin
  if (origin === undefined) return false
  if (!isLoopbackOrigin(origin) && !rules.corsOrigins.includes(origin) && !rules.corsOrigins.includes('*')) {
    throw new GatewayError(
      'origin_not_allowed',
      'Web pages of this origin may not use the gateway. Add the origin to server.cors_origins to allow it.',
    )
  }
  exchange.setHeaders({
    'access-control-allow-origin': origin,
    'access-control-expose-headers': EXPOSED,
    vary: 'origin',
  })
  return answerPreflight(exchange)
}

function answerPreflight(exchange: Exchange): boolean {
  const { headers, request, response } = exchange
  const method = headers['access-control-request-method']
  if (request.method !== 'OPTIONS' || method === undefined) return false
  exchange.setHeaders({ 'access-control-allow-methods': method, 'access-control-max-age': '600' })
  const asked = headers['access-control-request-headers']
  if (asked !== undefined) exchange.setHeaders({ 'access-control-allow-headers': asked })
  if (headers['access-control-request-private-network'] === 'true') {
    exchange.setHeaders({ 'access-control-allow-private-network': 'true' })
  }
  exchange.writeHead(204)
  response.end()
  return true
}

function isAllowedHost(host: string, allowed: readonly string[]): boolean {
  const name = host.replace(/:\d+$/, '').toLowerCase()
  return (
    isLoopbackName(name) ||
    allowed.some((entry) => entry.toLowerCase() === name || entry.toLowerCase() === host.toLowerCase())
  )
}

function isLoopbackOrigin(origin: string): boolean {
  const url = URL.parse(origin)
  return url !== null && /^https?:$/.test(url.protocol) && isLoopbackName(url.hostname)
}

/** `localhost` and names below it, 127.0.0.0/8, ::1. */
export function isLoopbackName(name: string): boolean {
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    /^127(?:\.\d{1,3}){3}$/.test(name) ||
    name === '[::1]' ||
    name === '::1'
  )
}
