import { parseTranscription } from '../frontends/audio/request.ts'
import { stringAt } from '../lib/json.ts'
import { GatewayError } from '../turn/errors.ts'
import type { Exchange } from './exchange.ts'
import { readFormBody } from './read-form-body.ts'
import { refuseDropped } from './refuse-dropped.ts'
import type { Router } from './router.ts'
import { reportHeaders } from './turn-steps.ts'
import type { WiredBackend } from './wire-backend.ts'

export interface AudioRouteParts {
  /** The default backend. */
  readonly backend: WiredBackend
  readonly maxBodyBytes: number
}

/** OpenAI's transcriptions; the backend speaks and translates nothing. */
export function mountAudioRoutes(router: Router, { backend, maxBodyBytes }: AudioRouteParts): void {
  router.add('POST', '/v1/audio/transcriptions', async (exchange) => {
    const asked = parseTranscription(await readFormBody(exchange.request, maxBodyBytes))
    exchange.notes.model = asked.model.slice(0, 200)
    const strict = exchange.headers['x-codexway-strict-params']
    refuseDropped({ ...asked, capabilities: strict === 'true' ? { strict_params: true } : {} }, backend)
    exchange.setHeaders(reportHeaders({ dropped: asked.dropped, adjusted: [] }))
    const { body, headers } = await backend.transcribe(asked.form, exchange.signal)
    exchange.setHeaders(headers)
    const text = stringAt(body, 'text')
    if (text === undefined)
      throw new GatewayError('upstream_bad_response', 'The backend answered without a transcript.')
    if (asked.format === 'json') exchange.sendJson(200, body)
    else sendText(exchange, text)
  })
}

/** With a line's end, as the official API has it. */
function sendText(exchange: Exchange, text: string): void {
  exchange.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' })
  exchange.response.end(`${text}\n`)
}
