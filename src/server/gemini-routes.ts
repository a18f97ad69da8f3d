import { isGeminiClient } from '../frontends/gemini/error.ts'
import { toGeminiDoor } from '../frontends/gemini/index.ts'
import { toModelInfo, toModelPage } from '../frontends/gemini/models.ts'
import { parseGeminiRequest, toCountedRequest } from '../frontends/gemini/request.ts'
import type { Gateway, PreparedTurn } from '../gateway/gateway.ts'
import type { JsonObject } from '../lib/json.ts'
import type { ModelListing } from '../models/listing.ts'
import type { ModelResolver } from '../models/resolve.ts'
import { countInput } from '../turn/count-input.ts'
import { GatewayError } from '../turn/errors.ts'
import { loadTokenCounter } from '../turn/token-counter.ts'
import type { Exchange } from './exchange.ts'
import { readJsonBody } from './read-json-body.ts'
import type { Router } from './router.ts'
import { type TurnRouteOptions, turnRoute } from './turn-route.ts'
import { toTurnNotes } from './turn-steps.ts'

type Prepared = PreparedTurn & { readonly payload: { readonly fields: JsonObject } }

export interface GeminiRouteParts<P extends Prepared> {
  readonly gateway: Gateway<P>
  readonly turns: TurnRouteOptions<P>
  readonly listing: ModelListing
  readonly resolver: ModelResolver
}

/** `POST …/models/{model}:{method}`, and the model list, under both versions. `GET /v1/models` is shared with other APIs. */
export function mountGeminiRoutes<P extends Prepared>(router: Router, parts: GeminiRouteParts<P>): void {
  for (const base of ['/v1beta', '/v1']) {
    router.add('POST', `${base}/models/*`, (exchange) => callMethod(exchange, parts))
  }
  router.add('GET', '/v1beta/models', (exchange) => listModels(exchange, parts.listing))
  router.add('GET', '/v1beta/models/*', (exchange) => getModel(exchange, parts))
}

export function isFromGemini({ headers }: Exchange): boolean {
  return isGeminiClient(headers)
}

export function listModels(exchange: Exchange, listing: ModelListing): void {
  exchange.sendJson(200, toModelPage(listing.list().data, exchange.url.searchParams))
}

export function getModel(
  exchange: Exchange,
  { listing, resolver }: { listing: ModelListing; resolver: ModelResolver },
): void {
  const id = toName(exchange)
  const model = listing.get(id, 'gemini')
  exchange.sendJson(200, toModelInfo(model, resolver.resolve(id, 'gemini').entry?.raw ?? {}))
}

async function callMethod<P extends Prepared>(exchange: Exchange, parts: GeminiRouteParts<P>): Promise<void> {
  const name = toName(exchange)
  const colon = name.lastIndexOf(':')
  const model = name.slice(0, Math.max(colon, 0))
  switch (name.slice(colon + 1)) {
    case 'generateContent':
      return turnRoute(toGeminiDoor(model, undefined), parts.turns)(exchange)
    case 'streamGenerateContent': {
      const form = exchange.url.searchParams.get('alt') === 'sse' ? 'sse' : 'array'
      return turnRoute(toGeminiDoor(model, form), parts.turns)(exchange)
    }
    case 'countTokens':
      return countTokens(exchange, model, parts)
    default:
      throw new GatewayError(
        'unknown_url',
        `There is no POST ${exchange.path.slice(0, 200)} here. Of a model's methods generateContent, streamGenerateContent and countTokens are possible.`,
      )
  }
}

/** An estimate over the request as the backend would get it. */
async function countTokens<P extends Prepared>(
  exchange: Exchange,
  model: string,
  { gateway, turns }: GeminiRouteParts<P>,
): Promise<void> {
  const body = toCountedRequest(await readJsonBody(exchange.request, turns.maxBodyBytes))
  const turn = parseGeminiRequest(body, exchange, { model, stream: false })
  Object.assign(exchange.notes, toTurnNotes(turn))
  const [{ payload, slug }, count] = await Promise.all([gateway.prepare(turn, exchange.signal), loadTokenCounter()])
  exchange.notes.slug = slug
  exchange.sendJson(200, { totalTokens: await countInput(payload.fields, count) })
}

/** What stands behind `/models/`. A broken escape names nothing; as it stands it is looked up, and not found. */
function toName({ path }: Exchange): string {
  const segment = path.replace(/^.*?\/models\//, '')
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
