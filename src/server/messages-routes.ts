import { toModelInfo, toModelPage } from '../frontends/anthropic-messages/models.ts'
import { parseMessagesRequest } from '../frontends/anthropic-messages/request.ts'
import type { Gateway, PreparedTurn } from '../gateway/gateway.ts'
import type { JsonObject } from '../lib/json.ts'
import type { ModelListing } from '../models/listing.ts'
import { countInput } from '../turn/count-input.ts'
import { loadTokenCounter } from '../turn/token-counter.ts'
import type { Exchange } from './exchange.ts'
import { toModelId } from './model-id.ts'
import { readJsonBody } from './read-json-body.ts'
import type { Router } from './router.ts'
import { toTurnNotes } from './turn-steps.ts'

export interface MessagesRouteParts {
  readonly gateway: Gateway<PreparedTurn & { readonly payload: { readonly fields: JsonObject } }>
  readonly listing: ModelListing
  readonly maxBodyBytes: number
}

/** What Anthropic's clients ask besides messages. */
export function mountMessagesRoutes(router: Router, parts: MessagesRouteParts): void {
  for (const base of ['', '/anthropic']) {
    router.add('POST', `${base}/v1/messages/count_tokens`, (exchange) => countTokens(exchange, parts))
  }
  router.add('GET', '/anthropic/v1/models', (exchange) => listModels(exchange, parts.listing))
  router.add('GET', '/anthropic/v1/models/*', (exchange) => getModel(exchange, parts.listing))
}

/** Anthropic's clients send their version with every request, and want its form of what both APIs have. */
export function isMessagesClient({ headers }: Exchange): boolean {
  return headers['anthropic-version'] !== undefined
}

export function listModels(exchange: Exchange, listing: ModelListing): void {
  exchange.sendJson(200, toModelPage(listing.list().data, exchange.url.searchParams))
}

export function getModel(exchange: Exchange, listing: ModelListing): void {
  exchange.sendJson(200, toModelInfo(listing.get(toModelId(exchange), 'messages')))
}

/** An estimate over the request as the backend would get it; images elsewhere are not fetched for it. */
async function countTokens(exchange: Exchange, { gateway, maxBodyBytes }: MessagesRouteParts): Promise<void> {
  const turn = parseMessagesRequest(await readJsonBody(exchange.request, maxBodyBytes), exchange)
  Object.assign(exchange.notes, toTurnNotes(turn))
  const [{ payload, slug }, count] = await Promise.all([
    gateway.prepare({ ...turn, remoteImages: [] }, exchange.signal),
    loadTokenCounter(),
  ])
  exchange.notes.slug = slug
  exchange.sendJson(200, { input_tokens: await countInput(payload.fields, count) })
}
