import { responses } from '../frontends/responses/index.ts'
import type { JsonObject } from '../lib/json.ts'
import type { ModelListing } from '../models/listing.ts'
import type { ModelResolver } from '../models/resolve.ts'
import { GatewayError } from '../turn/errors.ts'
import type { Exchange } from './exchange.ts'
import * as gemini from './gemini-routes.ts'
import { getModel, isMessagesClient, listModels } from './messages-routes.ts'
import { toModelId } from './model-id.ts'
import type { RequestMetrics } from './request-metrics.ts'
import type { Router } from './router.ts'
import type { WiredBackend } from './wire-backend.ts'

export interface RouteParts {
  readonly listing: ModelListing
  readonly resolver: ModelResolver
  /** The default backend. */
  readonly backend: WiredBackend
  readonly metrics: RequestMetrics
}

/** Prometheus' text format. */
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** Everything besides turns (connector.md §4.6, §13.4, §14). */
export function mountRoutes(router: Router, { listing, resolver, backend, metrics }: RouteParts): void {
  router.addPublic('GET', '/health', (exchange) => exchange.sendJson(200, { status: 'ok' }))
  router.add('GET', '/ready', (exchange) => ready(exchange, backend))
  router.add('GET', '/metrics', (exchange) => exchange.sendText(metrics.render(), METRICS_TYPE))
  router.add('GET', '/v1/models', (exchange) => {
    if (isMessagesClient(exchange)) return listModels(exchange, listing)
    if (gemini.isFromGemini(exchange)) return gemini.listModels(exchange, listing)
    exchange.sendJson(200, exchange.url.searchParams.has('client_version') ? listing.codexList() : listing.list())
  })
  router.add('GET', '/v1/models/*', (exchange) => {
    if (isMessagesClient(exchange)) return getModel(exchange, listing)
    if (gemini.isFromGemini(exchange)) return gemini.getModel(exchange, { listing, resolver })
    exchange.sendJson(200, listing.get(toModelId(exchange)))
  })
  for (const path of responses.paths) router.add('GET', path, askForUpgrade)
  router.add('GET', '/v1/usage', (exchange) => usage(exchange, backend))
  router.add('GET', '/api/codex/usage', async (exchange) => {
    exchange.sendJson(200, (await backend.usage(exchange.signal)).raw)
  })
}

function askForUpgrade({ path }: Exchange): void {
  const words = `Ask for an upgrade to WebSocket (which server.websocket can switch off), or use POST ${path}.`
  throw new GatewayError('upgrade_required', words, { headers: { upgrade: 'websocket' } })
}

async function ready(exchange: Exchange, backend: WiredBackend): Promise<void> {
  const status = await backend.credentials.describe()
  const isReady = status.state === 'ready'
  const body: JsonObject = { status: isReady ? 'ready' : 'not_ready', credentials: status.state }
  if (status.nextStep !== undefined) body.next_step = status.nextStep
  exchange.sendJson(isReady ? 200 : 503, body)
}

async function usage(exchange: Exchange, backend: WiredBackend): Promise<void> {
  exchange.sendJson(200, backend.seen() ?? (await backend.usage(exchange.signal)).view)
}
