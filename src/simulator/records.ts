import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { arrayAt, isObject, type JsonObject, parseJsonObject, stringAt } from '../lib/json.ts'
import { parseForm } from './form-body.ts'

interface RecordedCall {
  readonly method: string
  /** With its query. */
  readonly path: string
  /** Name and value as sent, in wire order. */
  readonly headersRaw: readonly (readonly [string, string])[]
  readonly headers: IncomingHttpHeaders
  /** `{}` for what is no JSON object or form. */
  readonly body: JsonObject
}

/** A generating request, answered or refused; also a warm-up, which generates nothing. */
export interface RecordedRequest extends RecordedCall {
  /** The headers of a WebSocket message are those of its upgrade. */
  readonly transport: 'http' | 'websocket'
  /** The connection it came over, counted from 1 for each transport. */
  readonly connection: number
  /** The body's text, unpacked. */
  readonly bodyBytes: string
  /** `content-encoding`. */
  readonly encoding: string | undefined
  /** As they came: compressed, and on a WebSocket with the frame around them. */
  readonly bytesReceived: number
  readonly previousResponseId: string | undefined
  /** All items the answer is made from: what the connection knew of `previousResponseId`, then the request's own. */
  readonly context: readonly JsonObject[]
  readonly receivedAtMs: number
  /** Set when the client left before the end. */
  closedAtMs: number | undefined
  /** The whole answer has been handed over. */
  finished: boolean
  /** Of the answer to a WebSocket message. */
  responseId: string | undefined
  /** Of the answer's body, so far. */
  bytesOffered: number
  status: number | undefined
  /** Name of the scenario that answers it. */
  scenario: string | undefined
}

export const CALL_NAMES = [
  'models',
  'usage',
  'accounts_check',
  'token',
  'authorize',
  'device_usercode',
  'device_token',
  'revoke',
  'whoami',
  'upgrade',
  'images',
  'search',
  'transcribe',
  'other',
] as const
export type CallName = (typeof CALL_NAMES)[number]

/** Any other request. */
export interface OtherCall extends RecordedCall {
  readonly name: CallName
  readonly receivedAtMs: number
}

/** A WebSocket the simulator accepted. */
export interface RecordedConnection {
  /** What `RecordedRequest.connection` refers to. */
  readonly number: number
  /** Name and value as sent, in wire order. */
  readonly headersRaw: readonly (readonly [string, string])[]
  readonly headers: IncomingHttpHeaders
  readonly isCompressed: boolean
  readonly openedAtMs: number
  closedAtMs: number | undefined
  /** The client's; 1006 without a close frame of its own. */
  closeCode: number | undefined
  pings: number
}

/** How a request came. */
export interface Arrival {
  readonly transport: RecordedRequest['transport']
  readonly connection: number
  readonly text: string
  readonly encoding: string | undefined
  readonly bytesReceived: number
  /** What the connection knows of the response the request continues. */
  readonly earlier?: readonly JsonObject[]
}

export function toRecordedRequest(request: IncomingMessage, arrival: Arrival): RecordedRequest {
  const { transport, connection, text, encoding, bytesReceived, earlier = [] } = arrival
  const body = parseJsonObject(text) ?? {}
  return {
    ...toCall(request, body),
    transport,
    connection,
    bodyBytes: text,
    encoding,
    bytesReceived,
    previousResponseId: stringAt(body, 'previous_response_id'),
    context: [...earlier, ...(arrayAt(body, 'input') ?? []).filter(isObject)],
    receivedAtMs: Date.now(),
    closedAtMs: undefined,
    finished: false,
    responseId: undefined,
    bytesOffered: 0,
    status: undefined,
    scenario: undefined,
  }
}

/** The body as it would be without a continuation. */
export function toFullBody({ body, context }: RecordedRequest): JsonObject {
  return { ...body, input: context }
}

export function toOtherCall(request: IncomingMessage, text: string, name: CallName): OtherCall {
  const form = parseForm(request.headers['content-type'] ?? '', text)
  const body = form ?? parseJsonObject(text) ?? Object.fromEntries(new URLSearchParams(text))
  return { ...toCall(request, body), name, receivedAtMs: Date.now() }
}

function toCall(request: IncomingMessage, body: JsonObject): RecordedCall {
  const { headers } = request
  return { method: request.method ?? '', path: request.url ?? '', headersRaw: toPairs(request), headers, body }
}

/** Header names and values in wire order. */
export function toPairs({ rawHeaders }: IncomingMessage): [string, string][] {
  return rawHeaders.flatMap((name, index): [string, string][] =>
    index % 2 === 0 ? [[name, rawHeaders[index + 1] ?? '']] : [],
  )
}
