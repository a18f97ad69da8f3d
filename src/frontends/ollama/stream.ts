import { type ByteString, jsonBytes, sliceBytes, toBytes } from '../../lib/byte-string.ts'
import type { JsonObject } from '../../lib/json.ts'
import { type AnswerEnd, AnswerStream, type AnswerText } from '../../turn/answer-stream.ts'
import type { Capabilities } from '../../turn/capabilities.ts'
import type { GatewayError } from '../../turn/errors.ts'
import type { EventBatch } from '../../turn/events.ts'
import type { Encoder, RequestClock } from '../../turn/frontend.ts'
import { isCall } from '../../turn/output-items.ts'
import type { Turn } from '../../turn/turn.ts'
import { endMembers, type Said, saidMembers, toToolCall } from './chunk.ts'
import { toOllamaError } from './error.ts'
import type { OllamaKind } from './fields.ts'
import { showsThinking } from './result.ts'

/** White space between two lines is part of neither: JSON allows it in front of a value. */
const SPACE = ' ' as ByteString

/** Responses events → lines of JSON, one for each piece of text. Texts are spliced from the bytes they came in. */
export class OllamaEncoder implements Encoder {
  readonly #kind: OllamaKind
  readonly #turn: Turn
  readonly #clock: RequestClock
  readonly #createdAt: string
  readonly #isThinkingShown: boolean
  readonly #frames: Readonly<Record<AnswerText, readonly [head: ByteString, tail: ByteString]>>
  readonly #answer: AnswerStream
  #firstAtMs: number | undefined
  #callCount = 0

  constructor(kind: OllamaKind, turn: Turn, capabilities: Capabilities, clock: RequestClock) {
    this.#kind = kind
    this.#turn = turn
    this.#clock = clock
    this.#createdAt = new Date(clock.now()).toISOString()
    this.#isThinkingShown = showsThinking(turn, capabilities)
    this.#frames = {
      text: this.#around({ content: HOLE }),
      thinking: this.#around({ content: '', thinking: HOLE }),
    }
    this.#answer = new AnswerStream({
      write: (textKind, literals) => this.#write(textKind, literals),
      item: (item) => this.#item(item),
      end: (end) => this.#end(end),
    })
  }

  push(events: EventBatch): ByteString {
    return this.#answer.push(events)
  }

  fail(error: GatewayError): ByteString {
    return `${jsonBytes(toOllamaError(error))}\n` as ByteString
  }

  keepalive(): ByteString {
    return SPACE
  }

  #write(kind: AnswerText, literals: readonly ByteString[]): string {
    this.#firstAtMs ??= this.#clock.now()
    if (kind === 'thinking' && !this.#isThinkingShown) return ''
    const [head, tail] = this.#frames[kind]
    return head + literals.join(tail + head) + tail
  }

  #item(item: JsonObject): string {
    this.#firstAtMs ??= this.#clock.now()
    if (!isCall(item)) return ''
    this.#callCount += 1
    return this.#line({ content: '', tool_calls: [toToolCall(item, this.#callCount - 1)] }, { done: false })
  }

  #end({ response }: AnswerEnd): string {
    const { startedAtMs, now } = this.#clock
    const timing = { startedAtMs, firstAtMs: this.#firstAtMs, endedAtMs: now() }
    return this.#line({ content: '' }, endMembers(response, timing))
  }

  #line(said: Said, others: JsonObject): string {
    const line = { model: this.#turn.model, created_at: this.#createdAt, ...saidMembers(this.#kind, said), ...others }
    return `${jsonBytes(line)}\n`
  }

  /** What stands around a text: the same bytes as `#line` writes. */
  #around(said: Said): readonly [head: ByteString, tail: ByteString] {
    const line = toBytes(this.#line(said, { done: false }))
    const at = line.lastIndexOf(HOLE_LITERAL)
    return [sliceBytes(line, 0, at), sliceBytes(line, at + HOLE_LITERAL.length)]
  }
}

/** Stands for a text while the line around it is made. */
const HOLE = '\u0000'
const HOLE_LITERAL = JSON.stringify(HOLE)
