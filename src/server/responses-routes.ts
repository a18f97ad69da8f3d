import { parseResponsesRequest } from '../frontends/responses/request.ts'
import { toItemPage } from '../frontends/responses/stored.ts'
import type { Gateway, PreparedTurn } from '../gateway/gateway.ts'
import type { JsonObject } from '../lib/json.ts'
import type { ResponseStore, StoredResponse } from '../store/response-store.ts'
import { countInput } from '../turn/count-input.ts'
import { GatewayError } from '../turn/errors.ts'
import { loadTokenCounter } from '../turn/token-counter.ts'
import type { Exchange } from './exchange.ts'
import { readJsonBody } from './read-json-body.ts'
import type { Router } from './router.ts'

export interface ResponsesRouteParts {
  readonly gateway: Gateway<PreparedTurn & { readonly payload: { readonly fields: JsonObject } }>
  readonly store: ResponseStore
  readonly maxBodyBytes: number
}

const BASE = '/v1/responses/'

/** Stored answers, and what a request would weigh. */
export function mountResponsesRoutes(router: Router, { gateway, store, maxBodyBytes }: ResponsesRouteParts): void {
  router.add('POST', `${BASE}input_tokens`, async (exchange) => {
    const turn = parseResponsesRequest(await readJsonBody(exchange.request, maxBodyBytes), exchange)
    const [prepared, count] = await Promise.all([
      gateway.prepare({ ...turn, remoteImages: [] }, exchange.signal),
      loadTokenCounter(),
    ])
    const tokens = await countInput(prepared.payload.fields, count)
    exchange.sendJson(200, { object: 'response.input_tokens', input_tokens: tokens })
  })
  router.add('GET', `${BASE}*`, (exchange) => read(exchange, store))
  router.add('DELETE', `${BASE}*`, (exchange) => remove(exchange, store))
  router.add('POST', `${BASE}*`, (exchange) => cancel(exchange, store))
}

async function read(exchange: Exchange, store: ResponseStore): Promise<void> {
  const { id, part } = placeOf(exchange)
  if (part !== undefined && part !== 'input_items') throw unknownUrl(exchange)
  const { searchParams } = exchange.url
  if (searchParams.get('stream') === 'true') {
    throw new GatewayError('unsupported_parameter', 'A stored answer is not streamed again.', { param: 'stream' })
  }
  const { response, input } = await find(exchange, store, id)
  exchange.sendJson(200, part === undefined ? response : toItemPage(id, input, searchParams))
}

async function remove(exchange: Exchange, store: ResponseStore): Promise<void> {
  const { id, part } = placeOf(exchange)
  if (part !== undefined) throw unknownUrl(exchange)
  if (!(await store.delete(exchange.keyId, id))) throw notFound(id)
  exchange.sendJson(200, { id, object: 'response', deleted: true })
}

/** There are no answers in the background, and only those could be cancelled. */
async function cancel(exchange: Exchange, store: ResponseStore): Promise<void> {
  const { id, part } = placeOf(exchange)
  if (part !== 'cancel') throw unknownUrl(exchange)
  await find(exchange, store, id)
  throw new GatewayError(
    'invalid_request',
    'Only responses made with "background": true can be cancelled, and this backend makes none. Close the connection to stop an answer.',
  )
}

async function find({ keyId }: Exchange, store: ResponseStore, id: string): Promise<StoredResponse> {
  const stored = await store.find(keyId, id)
  if (stored === undefined) throw notFound(id)
  return stored
}

/** A broken escape names nothing; as it stands it is looked up, and not found. */
function placeOf({ url }: Exchange): { id: string; part: string | undefined } {
  const [id = '', ...rest] = url.pathname.slice(BASE.length).split('/')
  const part = rest.length === 0 ? undefined : rest.join('/')
  try {
    return { id: decodeURIComponent(id), part }
  } catch {
    return { id, part }
  }
}

function notFound(id: string): GatewayError {
  return new GatewayError(
    'response_not_found',
    `There is no response "${id.slice(0, 100)}": it was not stored, is too old, was deleted, or belongs to another key.`,
  )
}

function unknownUrl({ url, request }: Exchange): GatewayError {
  return new GatewayError('unknown_url', `There is no ${request.method} ${url.pathname.slice(0, 200)} here.`)
}
