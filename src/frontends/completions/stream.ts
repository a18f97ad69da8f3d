import { type ByteString, jsonBytes } from '../../lib/byte-string.ts'
import { type JsonObject, numberAt, objectAt, stringAt } from '../../lib/json.ts'
import { sumUsage, toCompletionUsage } from '../../turn/completion-usage.ts'
import { DeltaReader, slotOf } from '../../turn/delta.ts'
import { DeltaRun } from '../../turn/delta-run.ts'
import { type GatewayError, toOpenAiError } from '../../turn/errors.ts'
import { type EventBatch, isOutputType, isTerminal, type TurnEvent } from '../../turn/events.ts'
import type { Encoder } from '../../turn/frontend.ts'
import { SentText, SentTexts } from '../../turn/sent-text.ts'
import type { Turn } from '../../turn/turn.ts'
import { toAnswerText, toCompletionId, toFinishReason } from './result.ts'

const KEEPALIVE = ': keepalive\n\n' as ByteString
const DONE = 'data: [DONE]\n\n'
const TEXT_DELTAS = new Set(['response.output_text.delta', 'response.refusal.delta'])

/**
 * Responses events → `text_completion` chunks. The answers of several prompts come one behind the other, each with its
 * own end; the last end is that of the stream.
 */
export class CompletionEncoder implements Encoder {
  readonly #turn: Turn
  readonly #nowSeconds: number
  readonly #usages: unknown[] = []
  /** What every chunk begins with; '' until the first event that counts. */
  #prefix = ''
  #answer = new AnswerText()
  /** Of the answer under way; all have ended when it is their count. */
  #index = 0

  constructor(turn: Turn, nowSeconds = Math.floor(Date.now() / 1000)) {
    this.#turn = turn
    this.#nowSeconds = nowSeconds
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

  get #isEnded(): boolean {
    return this.#index > (this.#turn.further?.length ?? 0)
  }

  /** The same as one `#encode` for each of its events. */
  #encodeRun(run: DeltaRun): string {
    if (!TEXT_DELTAS.has(run.type) || this.#isEnded) return ''
    if (this.#prefix === '') return [...run].map((event) => this.#encode(event)).join('')
    return this.#texts(this.#answer.add(run.place.outputIndex, run.literals()))
  }

  #encode(event: TurnEvent): string {
    if (this.#isEnded) return ''
    if (this.#prefix === '') this.#open(event)
    if (this.#prefix === '') return ''
    switch (event.type) {
      case 'response.output_text.delta':
      case 'response.refusal.delta':
        return this.#texts(this.#answer.delta(event))
      case 'response.output_text.done':
      case 'response.refusal.done':
        return this.#texts(this.#answer.part(event))
      case 'response.output_item.done':
        return this.#texts(this.#answer.item(event))
      case 'response.completed':
      case 'response.done':
      case 'response.incomplete':
        return this.#end(event)
      default:
        return '' // Reasoning, calls and the lifecycle of parts have no place in this protocol.
    }
  }

  /** At the first event that tells of a response or is output; foreign preamble does not count. */
  #open({ type, fields }: TurnEvent): void {
    const response = objectAt(fields, 'response')
    if (response === undefined && !isOutputType(type) && !isTerminal(type)) return
    const id = toCompletionId(stringAt(response ?? {}, 'id'))
    const created = numberAt(response ?? {}, 'created_at') ?? this.#nowSeconds
    const common = jsonBytes({ id, object: 'text_completion', created, model: this.#turn.model })
    this.#prefix = `data: ${common.slice(0, -1)}`
  }

  #texts(literals: readonly ByteString[]): string {
    return literals.map((literal) => this.#chunk(literal, 'null')).join('')
  }

  #chunk(literal: string, finishReason: string): string {
    const choice = `{"text":${literal},"index":${this.#index},"logprobs":null,"finish_reason":${finishReason}}`
    return `${this.#prefix},"choices":[${choice}]${this.#turn.includeUsage ? ',"usage":null' : ''}}\n\n`
  }

  #end(event: TurnEvent): string {
    const response = objectAt(event.fields, 'response') ?? {}
    const status = event.type === 'response.incomplete' ? 'incomplete' : 'completed'
    const rest = this.#texts(this.#answer.response(response))
    const last = rest + this.#chunk('""', `"${toFinishReason({ ...response, status })}"`)
    this.#usages.push(response.usage)
    this.#answer = new AnswerText()
    this.#index += 1
    if (!this.#isEnded) return last
    const usage = this.#turn.includeUsage ? toCompletionUsage(sumUsage(this.#usages)) : undefined
    const counted = usage === undefined ? '' : `${this.#prefix},"choices":[],"usage":${jsonBytes(usage)}}\n\n`
    return last + counted + DONE
  }
}

/** The text of one answer as it comes: what deltas did not bring comes with the end of its part, item or response. */
class AnswerText {
  readonly #deltas = new DeltaReader()
  readonly #byItem = new SentTexts()
  readonly #whole = new SentText()

  delta(event: TurnEvent): ByteString[] {
    const { literal, place } = this.#deltas.read(event)
    return this.add(place.slot, [literal])
  }

  add(slot: number | string, literals: ByteString[]): ByteString[] {
    this.#byItem.add(slot, literals)
    this.#whole.add(literals)
    return literals
  }

  /** A part's end, which is all there is of a part without deltas. */
  part(event: TurnEvent): ByteString[] {
    const slot = slotOf(event)
    const text = stringAt(event.fields, 'text') ?? stringAt(event.fields, 'refusal') ?? ''
    return this.#byItem.has(slot) ? [] : this.#missing(slot, text)
  }

  item(event: TurnEvent): ByteString[] {
    const item = objectAt(event.fields, 'item') ?? {}
    const index = numberAt(event.fields, 'output_index') ?? -1
    return this.#missing(slotOf(event), this.#byItem.rest(toAnswerText({ output: [item] }), item, index))
  }

  /** The final output may hold items that no event told of. */
  response(response: JsonObject): ByteString[] {
    return this.#missing(-1, this.#whole.rest(toAnswerText(response)))
  }

  #missing(slot: number | string, text: string): ByteString[] {
    return text === '' ? [] : this.add(slot, [jsonBytes(text)])
  }
}
