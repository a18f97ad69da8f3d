import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { sleep } from '../lib/sleep.ts'
import { toAnswerBody } from './answer-body.ts'
import { withScenarioHeaders } from './answer-headers.ts'
import { connectionOf, isFinished } from './listener.ts'
import { toOperations } from './operations.ts'
import { playScenario } from './play-scenario.ts'
import type { RecordedRequest } from './records.ts'
import type { Scenario } from './scenario.ts'
import { SseWriter } from './sse-writer.ts'
import type { UsageEstimate } from './usage-estimate.ts'

/** How long a kept connection lasts that is to go while nobody uses it. */
export const IDLE_MS = 50
/** Lets the client read what came before: readers drop what they have buffered when the connection breaks. */
export const BEFORE_CUT_MS = 20

export interface GenerateOptions {
  /** Headers before the scenario's own. */
  readonly headers: OutgoingHttpHeaders
  readonly paceMs: number
  readonly usage: UsageEstimate
  /** Connections to reset as soon as the next request comes over them. */
  readonly doomed: WeakSet<object>
}

/** Plays a scenario as the HTTP answer to one request. Settles when the answer is over or the client has left. */
export async function generate(
  request: RecordedRequest,
  response: ServerResponse,
  scenario: Scenario,
  options: GenerateOptions,
): Promise<void> {
  const client = watchClient(request, response)
  const { gone } = client
  try {
    if (scenario.delay_ms !== undefined) await sleep(scenario.delay_ms, gone)
    if (isSilent(scenario)) return endWith(scenario.end, response, client, options.doomed)
    const headers = withScenarioHeaders(options.headers, scenario)
    request.status = scenario.status ?? 200
    if (scenario.stream === undefined) {
      const { text, type } = toAnswerBody(scenario)
      request.bytesOffered += Buffer.byteLength(text)
      response.writeHead(request.status, { 'content-type': type, ...headers })
      response.write(text)
    } else {
      response.writeHead(request.status, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-cache',
        ...headers,
      })
      response.flushHeaders()
      await stream(request, response, scenario, options, gone)
    }
    if (scenario.end === 'cut') await sleep(BEFORE_CUT_MS, gone)
    endWith(scenario.end, response, client, options.doomed)
  } catch (thrown) {
    if (!gone.aborted) throw thrown
  }
}

async function stream(
  request: RecordedRequest,
  response: ServerResponse,
  scenario: Scenario,
  options: GenerateOptions,
  gone: AbortSignal,
): Promise<void> {
  const { chunking = 'event', newline = 'lf', event_lines: hasEventLines = true, pace_ms: paceMs } = scenario
  const writer = new SseWriter(response, { chunking, newline, hasEventLines }, (count) => {
    request.bytesOffered += count
  })
  await playScenario(toOperations(scenario, request, options.usage), writer, paceMs ?? options.paceMs, gone)
}

interface Client {
  /** Aborts when the connection goes. */
  readonly gone: AbortSignal
  /** We are the ones who break it. */
  expectClose(): void
}

/** Notes on the record who ended the answer. */
function watchClient(request: RecordedRequest, response: ServerResponse): Client {
  const gone = new AbortController()
  let isExpected = false
  response.once('close', () => {
    request.finished = isFinished(response)
    if (!request.finished && !isExpected) request.closedAtMs = Date.now()
    gone.abort()
  })
  return {
    gone: gone.signal,
    expectClose: () => {
      isExpected = true
    },
  }
}

/** Nothing is answered at all: only `end: cut` or `end: stall`. */
export function isSilent({ status, body, html, stream, end }: Scenario): boolean {
  const isEmpty = status === undefined && body === undefined && html === undefined && stream === undefined
  return isEmpty && (end === 'cut' || end === 'stall')
}

function endWith(end: Scenario['end'], response: ServerResponse, client: Client, doomed: WeakSet<object>): void {
  const connection = connectionOf(response)
  if (end === 'stall') return
  if (end === 'cut') {
    client.expectClose()
    // What was written leaves first; the missing last chunk tells the client that this is no end.
    connection?.end()
    return
  }
  response.end(() => {
    if (connection === undefined) return
    if (end === 'reset_next') doomed.add(connection.key)
    if (end === 'idle_after') setTimeout(() => connection.end(), IDLE_MS).unref()
  })
}
