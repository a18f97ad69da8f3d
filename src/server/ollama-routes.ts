import type { OllamaKind } from '../frontends/ollama/fields.ts'
import { OLLAMA_DOORS } from '../frontends/ollama/index.ts'
import { OLLAMA_API_VERSION, toShow, toTags } from '../frontends/ollama/models.ts'
import { isLoadRequest, toLoadAnswer } from '../frontends/ollama/result.ts'
import type { PreparedTurn } from '../gateway/gateway.ts'
import { stringAt } from '../lib/json.ts'
import type { ModelListing } from '../models/listing.ts'
import type { ModelResolver } from '../models/resolve.ts'
import { invalidField } from '../turn/errors.ts'
import type { Exchange } from './exchange.ts'
import { readJsonBody } from './read-json-body.ts'
import type { Router } from './router.ts'
import { serveTurn, type TurnRouteOptions } from './turn-route.ts'

export interface OllamaRouteParts<P extends PreparedTurn> {
  readonly turns: TurnRouteOptions<P>
  readonly listing: ModelListing
  readonly resolver: ModelResolver
}

/** Ollama's paths. Models are neither loaded, pulled nor made here: the other paths do not exist. */
export function mountOllamaRoutes<P extends PreparedTurn>(router: Router, parts: OllamaRouteParts<P>): void {
  const { listing } = parts
  for (const kind of ['chat', 'generate'] as const) {
    router.add('POST', `/api/${kind}`, (exchange) => generate(kind, exchange, parts))
  }
  router.add('GET', '/api/tags', (exchange) => exchange.sendJson(200, toTags(listing.list().data)))
  router.add('GET', '/api/ps', (exchange) => exchange.sendJson(200, { models: [] }))
  router.add('POST', '/api/show', (exchange) => show(exchange, parts))
  router.add('GET', '/api/version', (exchange) => exchange.sendJson(200, { version: OLLAMA_API_VERSION }))
  router.addPublic('GET', '/', (exchange) => {
    exchange.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' })
    // What clients look for to see whether somebody is there.
    exchange.response.end(exchange.request.method === 'HEAD' ? undefined : 'Ollama is running')
  })
}

async function generate<P extends PreparedTurn>(
  kind: OllamaKind,
  exchange: Exchange,
  { turns, listing }: OllamaRouteParts<P>,
): Promise<void> {
  const body = await readJsonBody(exchange.request, turns.maxBodyBytes)
  if (isLoadRequest(kind, body)) {
    listing.get(stringAt(body, 'model') ?? '', 'ollama')
    exchange.sendJson(200, toLoadAnswer(kind, body, Date.now()))
    return
  }
  await serveTurn(exchange, body, OLLAMA_DOORS[kind], turns)
}

async function show<P extends PreparedTurn>(
  exchange: Exchange,
  { turns, listing, resolver }: OllamaRouteParts<P>,
): Promise<void> {
  const body = await readJsonBody(exchange.request, turns.maxBodyBytes)
  const name = stringAt(body, 'model') ?? stringAt(body, 'name') ?? ''
  if (name === '') throw invalidField('model', 'model must be a string naming a model, e.g. "gpt-5.5".')
  const model = listing.get(name, 'ollama')
  exchange.sendJson(200, toShow(model, resolver.resolve(name, 'ollama').entry?.raw ?? {}))
}
