import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { type JsonObject, parseJsonObject } from '../lib/json.ts'

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

/** A generating request, answered or refused. */
export interface RecordedRequest extends RecordedCall {
  /** The body's text, unpacked. */
  readonly bodyBytes: string
  /** `content-encoding`. */
  readonly encoding: string | undefined
  readonly receivedAtMs: number
  /** Set when the client left before the end. */
  closedAtMs: number | undefined
  /** The whole answer has been handed over. */
  finished: boolean
  /** Of the answer's body, so far. */
  bytesOffered: number
  status: number | undefined
  /** Name of the scenario that answers it. */
  scenario: string | undefined
}

export const CALL_NAMES = ['models', 'usage', 'accounts_check', 'token', 'whoami', 'upgrade', 'other'] as const
export type CallName = (typeof CALL_NAMES)[number]

/** Any other request. */
export interface OtherCall extends RecordedCall {
  readonly name: CallName
}

export function toRecordedRequest(
  request: IncomingMessage,
  read: { text: string; encoding: string | undefined },
): RecordedRequest {
  return {
    ...toCall(request, parseJsonObject(read.text) ?? {}),
    bodyBytes: read.text,
    encoding: read.encoding,
    receivedAtMs: Date.now(),
    closedAtMs: undefined,
    finished: false,
    bytesOffered: 0,
    status: undefined,
    scenario: undefined,
  }
}

export function toOtherCall(request: IncomingMessage, text: string, name: CallName): OtherCall {
  const body = parseJsonObject(text) ?? Object.fromEntries(new URLSearchParams(text))
  return { ...toCall(request, body), name }
}

function toCall(request: IncomingMessage, body: JsonObject): RecordedCall {
  const { rawHeaders, headers } = request
  const headersRaw = rawHeaders.flatMap((name, index): [string, string][] =>
    index % 2 === 0 ? [[name, rawHeaders[index + 1] ?? '']] : [],
  )
  return { method: request.method ?? '', path: request.url ?? '', headersRaw, headers, body }
}
