import { FORWARDED } from '../backends/openai-codex/forward.ts'
import type { JsonObject } from '../lib/json.ts'
import type { ModelListing } from '../models/listing.ts'
import type { Exchange } from './exchange.ts'
import { readJsonBody } from './read-json-body.ts'
import type { Router } from './router.ts'
import type { WiredBackend } from './wire-backend.ts'

export interface CodexRouteParts {
  readonly listing: ModelListing
  /** The default backend. */
  readonly backend: WiredBackend
  readonly maxBodyBytes: number
}

/** Telemetry of the Codex CLI: taken, so that it does not try again, and thrown away. */
const TELEMETRY = ['/backend-api/codex/analytics-events/*', '/backend-api/otlp/*', '/otlp/*']

/** The backend's own paths besides turns, for a Codex client that takes this gateway for the backend (upstream.md §4). */
export function mountCodexRoutes(router: Router, { listing, backend, maxBodyBytes }: CodexRouteParts): void {
  router.add('GET', '/backend-api/codex/models', (exchange) => exchange.sendJson(200, listing.codexList()))
  for (const path of FORWARDED) {
    router.add('POST', `/backend-api/codex/${path}`, async (exchange) => {
      const body = await readJsonBody(exchange.request, maxBodyBytes)
      const { text, headers } = await backend.forward(path, body, exchange.signal)
      exchange.setHeaders(headers)
      exchange.sendText(text, 'application/json; charset=utf-8')
    })
  }
  router.add('GET', '/backend-api/wham/usage', async (exchange) => {
    exchange.sendJson(200, (await backend.usage(exchange.signal)).raw)
  })
  router.add('GET', '/backend-api/wham/accounts/check', async (exchange) => {
    exchange.sendJson(200, await checkAccount(exchange, backend))
  })
  for (const path of TELEMETRY) router.add('POST', path, dismiss)
}

/**
 * Sends the client's turns here: its own account, or ours if it names none. The CLI takes an https origin only
 * (upstream.md §4), which there is behind a proxy that speaks TLS and says so.
 */
async function checkAccount({ headers }: Exchange, { credentials }: WiredBackend): Promise<JsonObject> {
  const { plan, accountId } = await credentials.describe()
  const id = headers['chatgpt-account-id'] ?? accountId ?? 'codexway'
  const isSecure = headers['x-forwarded-proto']?.split(',', 1)[0]?.trim().toLowerCase() === 'https'
  const account = {
    id,
    account_id: id,
    plan_type: plan ?? 'unknown',
    name: 'codexway',
    structure: 'personal',
    workspace_backend_origin: `${isSecure ? 'https' : 'http'}://${headers.host ?? 'localhost'}`,
    account_routing_override: 'NO_CONSTRAINT',
  }
  return { accounts: [account], account_ordering: [id], default_account_id: id }
}

/** Node reads what is left of the body. */
function dismiss(exchange: Exchange): void {
  exchange.writeHead(204)
  exchange.response.end()
}
