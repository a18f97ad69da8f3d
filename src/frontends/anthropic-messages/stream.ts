import { type ByteString, jsonBytes } from '../../lib/byte-string.ts'
import { arrayAt, isObject, type JsonObject, numberAt, objectAt } from '../../lib/json.ts'
import type { Capabilities } from '../../turn/capabilities.ts'
import { DeltaRun } from '../../turn/delta-run.ts'
import type { GatewayError } from '../../turn/errors.ts'
import { type EventBatch, isOutputType, isTerminal, type TurnEvent } from '../../turn/events.ts'
import type { Encoder } from '../../turn/frontend.ts'
import type { Turn } from '../../turn/turn.ts'
import type { BlockKind } from './block.ts'
import { BlockStream } from './block-stream.ts'
import { toMessagesError } from './error.ts'
import { frame } from './frames.ts'
import { emptyMessage, isRefusal, thinkingShown } from './result.ts'
import { toStop } from './stop.ts'
import { toDeltaUsage } from './usage.ts'

const PING = 'event: ping\ndata: {"type":"ping"}\n\n' as ByteString

const DELTAS: Readonly<Record<string, BlockKind>> = {
  'response.output_text.delta': 'text',
  'response.refusal.delta': 'text',
  'response.reasoning_summary_text.delta': 'thinking',
  'response.reasoning_text.delta': 'thinking',
  'response.function_call_arguments.delta': 'call',
  'response.custom_tool_call_input.delta': 'call',
}

/** Ends of texts; those of reasoning parts are left to the item, which joins them. */
const TEXTS: Readonly<Record<string, BlockKind>> = {
  'response.output_text.done': 'text',
  'response.refusal.done': 'text',
  'response.function_call_arguments.done': 'call',
  'response.custom_tool_call_input.done': 'call',
}

/** Responses events → this API's stream events. Deltas are spliced from the bytes they came in; rare events are parsed. */
export class MessagesEncoder implements Encoder {
  readonly #turn: Turn
  readonly #blocks: BlockStream
  #isBegun = false
  #isEnded = false
  #hasRefusal = false

  constructor(turn: Turn, capabilities: Capabilities) {
    this.#turn = turn
    this.#blocks = new BlockStream(thinkingShown(turn, capabilities))
  }

  push(events: EventBatch): ByteString {
    let text = ''
    for (const part of events) text += part instanceof DeltaRun ? this.#encodeRun(part) : this.#encode(part)
    return text as ByteString
  }

  fail(error: GatewayError): ByteString {
    return `event: error\ndata: ${jsonBytes(toMessagesError(error, null))}\n\n` as ByteString
  }

  keepalive(): ByteString {
    return PING
  }

  /** The same as one `#encode` for each of its events. */
  #encodeRun(run: DeltaRun): string {
    if (!this.#isBegun) return [...run].map((event) => this.#encode(event)).join('')
    const kind = DELTAS[run.type]
    if (this.#isEnded || kind === undefined) return ''
    if (run.type === 'response.refusal.delta') this.#hasRefusal = true
    return this.#blocks.run(run, kind)
  }

  #encode(event: TurnEvent): string {
    if (this.#isEnded) return ''
    const opening = this.#isBegun ? '' : this.#begin(event)
    if (!this.#isBegun) return ''
    const kind = DELTAS[event.type]
    if (kind === undefined) return opening + this.#encodeRare(event)
    if (event.type === 'response.refusal.delta') this.#hasRefusal = true
    return opening + this.#blocks.delta(event, kind)
  }

  /** `message_start`, at the first event that tells of a response or is output; foreign preamble does not count. */
  #begin(event: TurnEvent): string {
    const response = objectAt(event.fields, 'response')
    if (response === undefined && !isOutputType(event.type) && !isTerminal(event.type)) return ''
    this.#isBegun = true
    return frame({ type: 'message_start', message: emptyMessage(response ?? {}, this.#turn) })
  }

  #encodeRare(event: TurnEvent): string {
    const kind = TEXTS[event.type]
    if (kind !== undefined) return this.#blocks.text(event, kind)
    switch (event.type) {
      case 'response.output_item.added':
        return this.#blocks.add(objectAt(event.fields, 'item') ?? {}, numberAt(event.fields, 'output_index') ?? -1)
      case 'response.output_item.done':
        return this.#done(objectAt(event.fields, 'item') ?? {}, numberAt(event.fields, 'output_index') ?? -1)
      case 'response.output_text.annotation.added':
        this.#blocks.annotation(event)
        return ''
      case 'response.completed':
      case 'response.done':
      case 'response.incomplete':
        return this.#end(event)
      default:
        return '' // Hosted tools and the lifecycle of parts have no place in this protocol.
    }
  }

  #done(item: JsonObject, index: number): string {
    if (isRefusal(item)) this.#hasRefusal = true
    return this.#blocks.done(item, index)
  }

  #end(event: TurnEvent): string {
    this.#isEnded = true
    const response = objectAt(event.fields, 'response') ?? {}
    // It may hold items, or ends of items, that no event told of.
    const output = (arrayAt(response, 'output') ?? []).map((item, index) =>
      isObject(item) ? this.#done(item, index) : '',
    )
    const rest = output.join('') + this.#blocks.finish()
    const status = event.type === 'response.incomplete' ? 'incomplete' : 'completed'
    const shown = { hasCalls: this.#blocks.hasCalls, hasRefusal: this.#hasRefusal }
    const delta = { ...toStop({ ...response, status }, shown), container: null }
    const usage = toDeltaUsage(response, this.#blocks.webSearches)
    return rest + frame({ type: 'message_delta', delta, usage }) + frame({ type: 'message_stop' })
  }
}
