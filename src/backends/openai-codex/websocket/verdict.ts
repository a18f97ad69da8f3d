import type { GatewayError } from '../../../turn/errors.ts'

/**
 * What to do about a failure that came before any output (upstream.md §2, connector.md §13.3): ask again on a new
 * connection with the whole conversation, ask over HTTP, or tell the client.
 */
export type Verdict = 'reconnect' | 'http' | 'final'

/** The backend has lost what we wanted to go on from, or the connection has served its hour. */
const CONNECTION_CODES = new Set(['previous_response_not_found', 'websocket_connection_limit_reached'])
const LOST_CONTEXT = /previous_response_id/

export function judge(error: GatewayError): Verdict {
  if (error.kind === 'upstream_stream_ended') return 'reconnect'
  if (CONNECTION_CODES.has(error.code ?? '') || LOST_CONTEXT.test(error.param ?? error.message)) return 'reconnect'
  // Over HTTP a refused token is answered with another one, and a passing failure repeated once.
  if (error.kind === 'codex_auth_rejected') return 'http'
  const isPassing = error.kind === 'server_error' && [502, 503, 504].includes(statedStatus(error) ?? 0)
  return isPassing ? 'http' : 'final'
}

/** The status an error event names; without one nothing says that the failure will pass. */
function statedStatus({ event }: GatewayError): number | undefined {
  const status = event?.fields.status ?? event?.fields.status_code
  return typeof status === 'number' ? status : undefined
}
