import { type ByteString, jsonBytes } from '../../lib/byte-string.ts'
import { shortId } from '../../lib/ids.ts'
import { arrayAt, isObject, type JsonObject, numberAt, objectAt, stringAt } from '../../lib/json.ts'
import { scanInteger } from '../../lib/json-scan.ts'
import type { Capabilities } from '../../turn/capabilities.ts'
import { type GatewayError, toOpenAiError } from '../../turn/errors.ts'
import type { EventBatch, TurnEvent } from '../../turn/events.ts'
import type { Encoder } from '../../turn/frontend.ts'
import type { Turn } from '../../turn/turn.ts'
import { CallStream } from './call-stream.ts'
import { deltaLiteral, missing, outputIndex } from './delta.ts'
import { annotationsOf, isCall, messageText, reasoningText, toAnnotation } from './items.ts'
import { toChatId, toFinishReason } from './result.ts'
import { toChatUsage } from './usage.ts'

const KEEPALIVE = ': keepalive\n\n' as ByteString
const DONE = 'data: [DONE]\n\n'

/** Responses events → `chat.completion.chunk` frames (connector.md §9.1). Deltas are spliced, rare events parsed. */
export class ChatEncoder implements Encoder {
  readonly #turn: Turn
  readonly #reasoningOutput: Capabilities['reasoning_output']
  readonly #calls: CallStream
  /** Chunk text up to the value of `delta`, and what follows it. */
  #head = ''
  readonly #tail: string
  /** What deltas brought, as raw JSON text without quotes, by output index. */
  readonly #sentText = new Map<number, string>()
  readonly #sentRefusal = new Map<number, string>()
  readonly #doneItems = new Set<number>()
  readonly #reasoned = new Set<number>()
  #hasAnnotations = false
  /** Part of the reasoning that deltas were last seen of; a new one starts behind a blank line. */
  #reasoningPart: string | undefined
  #isThinking = false

  constructor(turn: Turn, capabilities: Capabilities) {
    this.#turn = turn
    this.#reasoningOutput = capabilities.reasoning_output
    this.#calls = new CallStream(turn, {
      format: capabilities.tool_text_format,
      fallback: capabilities.fallback_tool_text_format,
    })
    this.#tail = `,"finish_reason":null}]${turn.includeUsage ? ',"usage":null' : ''}}\n\n`
  }

  push(events: EventBatch): ByteString {
    let text = ''
    for (const event of events) text += this.#encode(event)
    return text as ByteString
  }

  fail(error: GatewayError): ByteString {
    return `data: ${jsonBytes(toOpenAiError(error))}\n\n` as ByteString
  }

  keepalive(): ByteString {
    return KEEPALIVE
  }

  #encode(event: TurnEvent): string {
    if (this.#head === '') return this.#open(event) + this.#encode(event)
    switch (event.type) {
      case 'response.output_text.delta':
        return this.#textDelta(event)
      case 'response.function_call_arguments.delta':
      case 'response.custom_tool_call_input.delta':
        return this.#chunks(this.#calls.delta(event))
      case 'response.reasoning_summary_text.delta':
      case 'response.reasoning_text.delta':
        return this.#reasoningDelta(event)
      case 'response.refusal.delta':
        return this.#refusalDelta(event)
      case 'response.output_item.added':
        return this.#itemAdded(event.fields)
      case 'response.output_item.done':
        return this.#itemDone(objectAt(event.fields, 'item') ?? {}, numberAt(event.fields, 'output_index') ?? -1)
      case 'response.output_text.annotation.added':
        return this.#annotation(event.fields)
      case 'response.completed':
      case 'response.done':
      case 'response.incomplete':
        return this.#end(event)
      default:
        return '' // Hosted tools and the lifecycle of parts have no place in this protocol.
    }
  }

  /** The role chunk, with whatever the first event tells of the response. */
  #open(event: TurnEvent): string {
    const response = objectAt(event.type.startsWith('response.output') ? {} : event.fields, 'response') ?? {}
    const id = event.type === 'response.created' ? toChatId(stringAt(response, 'id')) : shortId('chatcmpl-')
    const created = numberAt(response, 'created_at') ?? Math.floor(Date.now() / 1000)
    const head = jsonBytes({ id, object: 'chat.completion.chunk', created, model: this.#turn.model })
    this.#head = `data: ${head.slice(0, -1)},"choices":[{"index":0,"delta":`
    return this.#chunk('{"role":"assistant","content":""}')
  }

  #textDelta(event: TurnEvent): string {
    const literal = deltaLiteral(event)
    const index = outputIndex(event)
    this.#sentText.set(index, (this.#sentText.get(index) ?? '') + literal.slice(1, -1))
    return `${this.#stopThinking()}${this.#head}{"content":${literal}}${this.#tail}`
  }

  #refusalDelta(event: TurnEvent): string {
    const literal = deltaLiteral(event)
    const index = outputIndex(event)
    this.#sentRefusal.set(index, (this.#sentRefusal.get(index) ?? '') + literal.slice(1, -1))
    return this.#stopThinking() + this.#chunk(`{"refusal":${literal}}`)
  }

  #reasoningDelta(event: TurnEvent): string {
    const index = outputIndex(event)
    this.#reasoned.add(index)
    const inner = scanInteger(event.json, 'summary_index') ?? scanInteger(event.json, 'content_index') ?? 0
    return this.#reasoning(deltaLiteral(event), `${index} ${event.type} ${inner}`)
  }

  /** @param literal a JSON string literal */
  #reasoning(literal: string, part: string): string {
    if (this.#reasoningOutput === 'none') return ''
    const isNewPart = this.#reasoningPart !== undefined && this.#reasoningPart !== part
    this.#reasoningPart = part
    const spaced = isNewPart ? `"\\n\\n${literal.slice(1)}` : literal
    if (this.#reasoningOutput === 'reasoning_content') return this.#chunk(`{"reasoning_content":${spaced}}`)
    const opened = this.#isThinking ? spaced : `"<think>${literal.slice(1)}`
    this.#isThinking = true
    return this.#chunk(`{"content":${opened}}`)
  }

  #stopThinking(): string {
    if (!this.#isThinking) return ''
    this.#isThinking = false
    return this.#chunk('{"content":"</think>"}')
  }

  #annotation(fields: JsonObject): string {
    const annotation = objectAt(fields, 'annotation')
    if (annotation === undefined) return ''
    this.#hasAnnotations = true
    return this.#chunk(jsonBytes({ annotations: [toAnnotation(annotation)] }))
  }

  #itemAdded(fields: JsonObject): string {
    const item = objectAt(fields, 'item')
    if (item === undefined || !isCall(item)) return ''
    return this.#stopThinking() + this.#chunks(this.#calls.open(item, numberAt(fields, 'output_index') ?? -1))
  }

  /** Brings what the deltas did not (connector.md §9.1). */
  #itemDone(item: JsonObject, index: number): string {
    this.#doneItems.add(index)
    if (isCall(item)) return this.#stopThinking() + this.#chunks(this.#calls.close(item, index))
    if (item.type === 'reasoning') {
      const text = this.#reasoned.has(index) ? '' : reasoningText(item)
      return text === '' ? '' : this.#reasoning(jsonBytes(text), `${index}`)
    }
    if (item.type !== 'message') return ''
    const text = missing(messageText(item, 'output_text'), this.#sentText.get(index))
    const refusal = missing(messageText(item, 'refusal'), this.#sentRefusal.get(index))
    const annotations = this.#hasAnnotations ? [] : annotationsOf(item)
    return [
      text === '' && refusal === '' ? '' : this.#stopThinking(),
      text === '' ? '' : this.#chunk(jsonBytes({ content: text })),
      refusal === '' ? '' : this.#chunk(jsonBytes({ refusal })),
      annotations.length === 0 ? '' : this.#chunk(jsonBytes({ annotations })),
    ].join('')
  }

  #end(event: TurnEvent): string {
    const response = objectAt(event.fields, 'response') ?? {}
    const output = arrayAt(response, 'output') ?? []
    const unseen = output.map((item, index) =>
      isObject(item) && !this.#doneItems.has(index) ? this.#itemDone(item, index) : '',
    )
    const rest = unseen.join('') + this.#chunks(this.#calls.finish()) + this.#stopThinking()
    const status = event.type === 'response.incomplete' ? 'incomplete' : 'completed'
    const reason = toFinishReason({ ...response, status }, this.#calls.count > 0, this.#turn)
    const finish = `${this.#head}{}${this.#tail.replace('"finish_reason":null', `"finish_reason":"${reason}"`)}`
    return rest + finish + this.#usageChunk(response) + DONE
  }

  #usageChunk(response: JsonObject): string {
    const usage = this.#turn.includeUsage ? toChatUsage(response.usage) : undefined
    if (usage === undefined) return ''
    const [head] = this.#head.split(',"choices":[', 1)
    return `${head},"choices":[],"usage":${jsonBytes(usage)}}\n\n`
  }

  #chunks(deltas: readonly string[]): string {
    return deltas.map((delta) => this.#chunk(delta)).join('')
  }

  /** @param delta JSON bytes */
  #chunk(delta: string): string {
    return this.#head + delta + this.#tail
  }
}
