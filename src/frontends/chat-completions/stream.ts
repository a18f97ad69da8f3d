import { type ByteString, jsonBytes } from '../../lib/byte-string.ts'
import { arrayAt, isObject, type JsonObject, numberAt, objectAt, stringAt } from '../../lib/json.ts'
import type { Capabilities } from '../../turn/capabilities.ts'
import { toCompletionUsage } from '../../turn/completion-usage.ts'
import { type DeltaPlace, DeltaReader, slotOf } from '../../turn/delta.ts'
import { DeltaRun } from '../../turn/delta-run.ts'
import { type GatewayError, toOpenAiError } from '../../turn/errors.ts'
import { type EventBatch, isOutputType, isTerminal, type TurnEvent } from '../../turn/events.ts'
import type { Encoder } from '../../turn/frontend.ts'
import { isCall, messageText } from '../../turn/output-items.ts'
import { SentTexts } from '../../turn/sent-text.ts'
import type { Turn } from '../../turn/turn.ts'
import { CallStream } from './call-stream.ts'
import { annotationsOf, toAnnotation } from './items.ts'
import { ReasoningStream } from './reasoning-stream.ts'
import { toChatId, toFinishReason } from './result.ts'

const KEEPALIVE = ': keepalive\n\n' as ByteString
const DONE = 'data: [DONE]\n\n'

/**
 * Responses events → `chat.completion.chunk` frames (connector.md §9.1). Deltas are spliced from the bytes they came in
 * (`lib/json-scan.ts` says why that is safe); the rare events are parsed.
 */
export class ChatEncoder implements Encoder {
  readonly #turn: Turn
  readonly #nowSeconds: number
  readonly #calls: CallStream
  readonly #reasoning: ReasoningStream
  /** What every chunk begins with; '' until the first event that counts. */
  #prefix = ''
  /** Chunk text up to the value of `delta`, and what follows it. */
  #head = ''
  readonly #tail: string
  readonly #deltas = new DeltaReader()
  readonly #text = new SentTexts()
  readonly #refusal = new SentTexts()
  readonly #annotated = new Set<number | string>()
  readonly #doneIds = new Set<string>()
  readonly #doneTypes = new Map<number, unknown>()
  #isEnded = false

  constructor(turn: Turn, capabilities: Capabilities, nowSeconds = Math.floor(Date.now() / 1000)) {
    this.#turn = turn
    this.#nowSeconds = nowSeconds
    this.#reasoning = new ReasoningStream(capabilities.reasoning_output)
    this.#calls = new CallStream(turn, {
      format: capabilities.tool_text_format,
      fallback: capabilities.fallback_tool_text_format,
    })
    this.#tail = `,"finish_reason":null}]${this.#noUsage}}\n\n`
  }

  push(events: EventBatch): ByteString {
    let text = ''
    for (const part of events) text += part instanceof DeltaRun ? this.#encodeRun(part) : this.#encode(part)
    return text as ByteString
  }

  fail(error: GatewayError): ByteString {
    return `data: ${jsonBytes(toOpenAiError(error))}\n\n` as ByteString
  }

  keepalive(): ByteString {
    return KEEPALIVE
  }

  /** The same as one `#encode` for each of its events. */
  #encodeRun(run: DeltaRun): string {
    if (this.#isEnded) return ''
    if (this.#prefix === '') return [...run].map((event) => this.#encode(event)).join('')
    const { type, place: at } = run
    const place = { slot: at.outputIndex, itemId: at.itemId, partIndex: at.partIndex }
    switch (type) {
      case 'response.output_text.delta':
        return this.#textRun(run.literals(), place, this.#text, 'content')
      case 'response.refusal.delta':
        return this.#textRun(run.literals(), place, this.#refusal, 'refusal')
      case 'response.reasoning_summary_text.delta':
      case 'response.reasoning_text.delta':
        return this.#chunks(run.literals().map((literal) => this.#reasoning.fragment(type, { literal, place })))
      case 'response.function_call_arguments.delta':
      case 'response.custom_tool_call_input.delta':
        return this.#chunks(run.literals().flatMap((literal) => this.#calls.fragment({ literal, place })))
      default:
        return ''
    }
  }

  #encode(event: TurnEvent): string {
    if (this.#isEnded) return ''
    const opening = this.#prefix === '' ? this.#open(event) : ''
    if (this.#prefix === '') return ''
    switch (event.type) {
      case 'response.output_text.delta':
        return opening + this.#textDelta(event, this.#text, 'content')
      case 'response.refusal.delta':
        return opening + this.#textDelta(event, this.#refusal, 'refusal')
      case 'response.reasoning_summary_text.delta':
      case 'response.reasoning_text.delta':
        return opening + this.#chunk(this.#reasoning.delta(event))
      case 'response.function_call_arguments.delta':
      case 'response.custom_tool_call_input.delta':
        return opening + this.#chunks(this.#calls.delta(event))
      default:
        return opening + this.#encodeRare(event)
    }
  }

  #encodeRare(event: TurnEvent): string {
    switch (event.type) {
      case 'response.output_item.added':
        return this.#itemAdded(event.fields)
      case 'response.output_text.done':
        return this.#textDone(event, this.#text, 'text', 'content')
      case 'response.refusal.done':
        return this.#textDone(event, this.#refusal, 'refusal', 'refusal')
      case 'response.function_call_arguments.done':
      case 'response.custom_tool_call_input.done':
        return this.#chunks(this.#calls.text(event))
      case 'response.output_item.done':
        return this.#itemDone(objectAt(event.fields, 'item') ?? {}, numberAt(event.fields, 'output_index') ?? -1)
      case 'response.output_text.annotation.added':
        return this.#annotation(event)
      case 'response.completed':
      case 'response.done':
      case 'response.incomplete':
        return this.#end(event)
      default:
        return '' // Hosted tools and the lifecycle of parts have no place in this protocol.
    }
  }

  /** The role chunk, at the first event that tells of a response or is output; foreign preamble does not count. */
  #open(event: TurnEvent): string {
    const response = objectAt(event.fields, 'response')
    if (response === undefined && !isOutputType(event.type) && !isTerminal(event.type)) return ''
    const id = toChatId(stringAt(response ?? {}, 'id'))
    const created = numberAt(response ?? {}, 'created_at') ?? this.#nowSeconds
    const common = jsonBytes({ id, object: 'chat.completion.chunk', created, model: this.#turn.model })
    this.#prefix = `data: ${common.slice(0, -1)}`
    this.#head = `${this.#prefix},"choices":[{"index":0,"delta":`
    return this.#chunk('{"role":"assistant","content":""}')
  }

  #textDelta(event: TurnEvent, sent: SentTexts, key: 'content' | 'refusal'): string {
    const { literal, place } = this.#deltas.read(event)
    return this.#textRun([literal], place, sent, key)
  }

  #textRun(literals: readonly ByteString[], { slot }: DeltaPlace, sent: SentTexts, key: 'content' | 'refusal'): string {
    sent.add(slot, literals)
    const head = `${this.#head}{"${key}":`
    const tail = `}${this.#tail}`
    return this.#stopReasoning() + head + literals.join(tail + head) + tail
  }

  /** Brings the text of a part if no delta did. */
  #textDone(event: TurnEvent, sent: SentTexts, from: 'text' | 'refusal', key: 'content' | 'refusal'): string {
    const slot = slotOf(event)
    const text = sent.has(slot) ? '' : (stringAt(event.fields, from) ?? '')
    if (text === '') return ''
    const literal = jsonBytes(text)
    sent.add(slot, [literal])
    return this.#stopReasoning() + this.#chunk(`{"${key}":${literal}}`)
  }

  #annotation(event: TurnEvent): string {
    const annotation = objectAt(event.fields, 'annotation')
    if (annotation === undefined) return ''
    this.#annotated.add(slotOf(event))
    return this.#chunk(jsonBytes({ annotations: [toAnnotation(annotation)] }))
  }

  #itemAdded(fields: JsonObject): string {
    const item = objectAt(fields, 'item')
    if (item === undefined || !isCall(item)) return ''
    return this.#stopReasoning() + this.#chunks(this.#calls.open(item, numberAt(fields, 'output_index') ?? -1))
  }

  /** Brings what the deltas did not (connector.md §9.1). */
  #itemDone(item: JsonObject, index: number): string {
    const id = stringAt(item, 'id') ?? ''
    if (id !== '') this.#doneIds.add(id)
    if (index >= 0) this.#doneTypes.set(index, item.type)
    if (isCall(item)) return this.#stopReasoning() + this.#chunks(this.#calls.close(item, index))
    if (item.type === 'reasoning') return this.#chunk(this.#reasoning.item(item, index))
    if (item.type !== 'message') return ''
    const text = this.#text.rest(messageText(item, 'output_text'), item, index)
    const refusal = this.#refusal.rest(messageText(item, 'refusal'), item, index)
    const annotations = this.#annotated.has(index) || this.#annotated.has(id) ? [] : annotationsOf(item)
    return [
      text === '' && refusal === '' ? '' : this.#stopReasoning(),
      text === '' ? '' : this.#chunk(jsonBytes({ content: text })),
      refusal === '' ? '' : this.#chunk(jsonBytes({ refusal })),
      annotations.length === 0 ? '' : this.#chunk(jsonBytes({ annotations })),
    ].join('')
  }

  /** The final output may hold items that no event told of; an item seen under its id or its index is not among them. */
  #unseen(output: readonly unknown[]): string {
    const texts = output.map((item, index) => {
      if (!isObject(item) || this.#doneTypes.get(index) === item.type) return ''
      return this.#doneIds.has(stringAt(item, 'id') ?? '') ? '' : this.#itemDone(item, index)
    })
    return texts.join('')
  }

  #end(event: TurnEvent): string {
    this.#isEnded = true
    const response = objectAt(event.fields, 'response') ?? {}
    const unseen = this.#unseen(arrayAt(response, 'output') ?? [])
    const rest = unseen + this.#stopReasoning() + this.#chunks(this.#calls.finish())
    const status = event.type === 'response.incomplete' ? 'incomplete' : 'completed'
    const reason = toFinishReason({ ...response, status }, this.#calls.count > 0, this.#turn)
    const finish = `${this.#head}{},"finish_reason":"${reason}"}]${this.#noUsage}}\n\n`
    return rest + finish + this.#usageChunk(response) + DONE
  }

  /** Connector.md §9.3. */
  get #noUsage(): string {
    return this.#turn.includeUsage ? ',"usage":null' : ''
  }

  #usageChunk(response: JsonObject): string {
    const usage = this.#turn.includeUsage ? toCompletionUsage(response.usage) : undefined
    return usage === undefined ? '' : `${this.#prefix},"choices":[],"usage":${jsonBytes(usage)}}\n\n`
  }

  #stopReasoning(): string {
    return this.#chunk(this.#reasoning.stop())
  }

  #chunks(deltas: readonly string[]): string {
    return deltas.map((delta) => this.#chunk(delta)).join('')
  }

  /** @param delta JSON bytes; '' = no chunk */
  #chunk(delta: string): string {
    return delta === '' ? '' : this.#head + delta + this.#tail
  }
}
