import type { IncomingMessage, ServerResponse } from 'node:http'
import { shortId } from '../lib/ids.ts'
import type { JsonObject } from '../lib/json.ts'
import { GatewayError, toErrorHead, toOpenAiError } from '../turn/errors.ts'
import type { ErrorForm } from '../turn/frontend.ts'
import { Stoppable } from './stoppable.ts'

/** One request and its answer, from the first byte to the log line. */
export class Exchange extends Stoppable {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly startedAtMs = Date.now()
  /** Ours, on every answer and in the log. */
  readonly id = shortId('req_')
  /** As `new URL` would have it. */
  readonly path: string
  /** Lower-case names, repeated ones joined. */
  readonly headers: Readonly<Record<string, string>>
  /** Short name of the gateway key used; '' while none is configured. */
  keyId = ''
  /** What the log line says besides status and time. */
  readonly notes: JsonObject = {}
  readonly #errorForm: ErrorForm | undefined
  readonly #answerHeaders: Record<string, string>

  constructor(request: IncomingMessage, response: ServerResponse, errorForms: readonly ErrorForm[]) {
    super()
    this.request = request
    this.response = response
    this.path = PLAIN_PATH.test(request.url ?? '') ? (request.url ?? '') : this.url.pathname
    this.headers = joinHeaders(request)
    this.#errorForm = errorForms.find((form) => form.covers(this.path, this.headers))
    const ours = { 'x-request-id': this.id, 'x-codexway-request-id': this.id }
    this.#answerHeaders = { ...ours, ...this.#errorForm?.headers(this.id) }
    response.once('close', () => {
      // Most answers end well: an error for each of them would cost a stack trace.
      if (!response.writableFinished) this.stop(new GatewayError('cancelled', 'The client closed the connection.'))
    })
  }

  get url(): URL {
    // A target that is no URL at all names nothing we have.
    return URL.parse(this.request.url ?? '/', 'http://localhost') ?? new URL('http://localhost')
  }

  get clientLeft(): boolean {
    // Node takes the socket away from a message that was destroyed, whatever its type says.
    return this.response.destroyed || (this.request.socket?.destroyed ?? true)
  }

  /** Of the answer, lower-case names; they leave with its head. */
  setHeaders(headers: Readonly<Record<string, string>>): void {
    Object.assign(this.#answerHeaders, headers)
  }

  writeHead(status: number, headers: Readonly<Record<string, string>> = {}): void {
    this.setHeaders(headers)
    this.response.writeHead(status, this.#answerHeaders)
  }

  sendJson(status: number, body: object): void {
    this.sendText(JSON.stringify(body), 'application/json; charset=utf-8', status)
  }

  sendText(text: string, type: string, status = 200): void {
    const bytes = Buffer.from(text)
    this.writeHead(status, { 'content-type': type, 'content-length': String(bytes.length) })
    this.response.end(this.request.method === 'HEAD' ? undefined : bytes)
  }

  sendError(error: GatewayError): void {
    this.notes.error = error.code ?? error.kind
    this.notes.upstream_request_id ??= error.headers['x-request-id']
    this.setHeaders(toErrorHead(error))
    this.sendJson(error.status, this.#errorForm?.body(error, this.id) ?? toOpenAiError(error))
  }
}

/** Needs no parsing: no dots, no escapes, no host, no query. */
const PLAIN_PATH = /^\/(?!\/)[\w/-]*$/

function joinHeaders({ rawHeaders }: IncomingMessage): Record<string, string> {
  const joined: Record<string, string> = Object.create(null)
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]?.toLowerCase() ?? ''
    const value = rawHeaders[i + 1] ?? ''
    const known = joined[name]
    joined[name] = known === undefined ? value : `${known}, ${value}`
  }
  return joined
}
