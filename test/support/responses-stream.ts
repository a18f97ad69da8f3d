import { ResponseStream } from 'openai/lib/responses/ResponseStream'
import { SseDecoder } from '../../src/backends/openai-codex/sse.ts'
import { parseResponsesRequest } from '../../src/frontends/responses/request.ts'
import { ResponsesEncoder } from '../../src/frontends/responses/stream.ts'
import { jsonBytes, toText } from '../../src/lib/byte-string.ts'
import type { JsonObject } from '../../src/lib/json.ts'
import type { RawEvent } from '../../src/simulator/events.ts'
import { ResponseCollector } from '../../src/turn/collect.ts'
import { type EventBatch, sseFrame, TurnEvent } from '../../src/turn/events.ts'

export function responsesEncoder(): ResponsesEncoder {
  const body = { model: 'gpt-5.5', stream: true, input: 'Hello' }
  return new ResponsesEncoder(parseResponsesRequest(body, { headers: {}, keyId: '' }))
}

/**
 * The events a client of the streamed answer sees.
 * @param readBytes size of a network read; without it each event comes by itself, as over a WebSocket
 */
export function responsesStream(events: readonly RawEvent[], readBytes?: number): RawEvent[] {
  const encoder = responsesEncoder()
  const batches = readBytes === undefined ? events.map((event) => [TurnEvent.of(event)]) : readsOf(events, readBytes)
  return batches.flatMap((batch) => toEvents(toText(encoder.push(batch))))
}

function readsOf(events: readonly RawEvent[], readBytes: number): EventBatch[] {
  const bytes = Buffer.from(events.map((event) => sseFrame(event.type, jsonBytes(event))).join(''), 'latin1')
  const decoder = new SseDecoder()
  const reads = Array.from({ length: Math.ceil(bytes.length / readBytes) }, (_, index) =>
    decoder.push(bytes.subarray(index * readBytes, (index + 1) * readBytes)),
  )
  return [...reads, decoder.end()]
}

/** The JSON of every `data:` line. */
export function toEvents(text: string): RawEvent[] {
  const lines = text.split('\n').filter((line) => line.startsWith('data: '))
  return lines.map((line): RawEvent => JSON.parse(line.slice('data: '.length)))
}

/** The answer of a request that does not stream. */
export function wholeResponse(events: readonly RawEvent[]): JsonObject {
  const collector = new ResponseCollector()
  for (const event of events) collector.push(TurnEvent.of(event))
  return collector.response()
}

/** The response object that the official SDK's strict stream reader arrives at. @throws what it throws */
export async function readBySdk(events: readonly RawEvent[]): Promise<JsonObject> {
  const lines = events.map((event) => `${JSON.stringify(event)}\n`).join('')
  const body = new Blob([lines]).stream()
  const response = await ResponseStream.fromReadableStream(body).finalResponse()
  // A plain copy without what the SDK adds of its own.
  return JSON.parse(JSON.stringify(response), (key, value) =>
    ['output_text', 'parsed', 'parsed_arguments', 'output_parsed'].includes(key) ? undefined : value,
  )
}
