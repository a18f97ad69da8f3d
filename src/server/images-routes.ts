import { type FormFields, type FormFile, toJsonForm } from '../frontends/images/form.ts'
import { imageStreams } from '../frontends/images/index.ts'
import { type ImageKind, parseImageCall } from '../frontends/images/request.ts'
import { toImages } from '../frontends/images/result.ts'
import type { PreparedTurn } from '../gateway/gateway.ts'
import type { JsonObject } from '../lib/json.ts'
import type { Exchange } from './exchange.ts'
import { isForm, readFormBody } from './read-form-body.ts'
import { readJsonBody } from './read-json-body.ts'
import { refuseDropped } from './refuse-dropped.ts'
import type { Router } from './router.ts'
import { serveTurn, type TurnRouteOptions } from './turn-route.ts'
import { reportHeaders } from './turn-steps.ts'
import type { WiredBackend } from './wire-backend.ts'

export interface ImageRouteParts<P extends PreparedTurn> extends TurnRouteOptions<P> {
  /** The default backend. */
  readonly backend: WiredBackend
}

const KINDS: readonly ImageKind[] = ['generations', 'edits']

/** OpenAI's images API: whole images by the backend's image endpoints, streams by a turn with its hosted tool. */
export function mountImageRoutes<P extends PreparedTurn>(router: Router, parts: ImageRouteParts<P>): void {
  for (const kind of KINDS) {
    const door = imageStreams(kind)
    router.add('POST', `/v1/images/${kind}`, async (exchange) => {
      const body = await readBody(exchange, kind, parts.maxBodyBytes)
      if (body.stream === true) await serveTurn(exchange, body, door, parts)
      else await answerWhole(exchange, body, kind, parts.backend)
    })
  }
}

async function answerWhole(
  exchange: Exchange,
  body: JsonObject,
  kind: ImageKind,
  backend: WiredBackend,
): Promise<void> {
  const call = parseImageCall(body, exchange, kind)
  exchange.notes.model = call.body.model
  refuseDropped(call, backend)
  exchange.setHeaders(reportHeaders(call))
  await backend.resolveImages(call.remoteImages, exchange.signal)
  const posted = await backend.images(kind, call.body, exchange.signal)
  exchange.setHeaders(posted.headers)
  exchange.sendJson(200, toImages(posted.body, call))
}

async function readBody({ request }: Exchange, kind: ImageKind, maxBytes: number): Promise<JsonObject> {
  if (kind !== 'edits' || !isForm(request)) return await readJsonBody(request, maxBytes)
  return toJsonForm(await toFields(await readFormBody(request, maxBytes)))
}

async function toFields(form: FormData): Promise<FormFields> {
  const fields = new Map<string, (string | FormFile)[]>()
  for (const [key, value] of form) {
    const name = key.replace(/\[\]$/, '')
    const entry =
      typeof value === 'string' ? value : { type: value.type, bytes: Buffer.from(await value.arrayBuffer()) }
    fields.set(name, [...(fields.get(name) ?? []), entry])
  }
  return fields
}
