import type { Part } from '@google/genai'
import { type ByteString, jsonBytes, sliceBytes, toBytes } from '../../lib/byte-string.ts'
import { shortId } from '../../lib/ids.ts'
import type { JsonObject } from '../../lib/json.ts'
import { type AnswerEnd, AnswerStream, type AnswerText } from '../../turn/answer-stream.ts'
import type { Capabilities } from '../../turn/capabilities.ts'
import type { GatewayError } from '../../turn/errors.ts'
import type { EventBatch } from '../../turn/events.ts'
import type { Encoder } from '../../turn/frontend.ts'
import { isCall } from '../../turn/output-items.ts'
import type { ThinkingShown, Turn } from '../../turn/turn.ts'
import { toFinishReason, toFunctionCall, toGrounding, toUsageMetadata } from './answer.ts'
import { toGeminiError } from './error.ts'
import { signed, thinkingShown, toSignaturePart } from './result.ts'
import { toSignature } from './signature.ts'

/** Server-sent events (`alt=sse`), or one JSON array that grows. */
export type StreamForm = 'sse' | 'array'

/** White space between the elements of an array is part of none. */
const KEEPALIVES = { sse: ': keepalive\n\n', array: ' ' } as const

/** Responses events → partial answers, one for each piece of text. Texts are spliced from the bytes they came in. */
export class GeminiEncoder implements Encoder {
  readonly #form: StreamForm
  readonly #turn: Turn
  readonly #shown: ThinkingShown
  readonly #responseId = shortId('resp_')
  readonly #frames: Readonly<Record<AnswerText, readonly [head: ByteString, tail: ByteString]>>
  readonly #answer: AnswerStream
  /** Whole items, for what the end tells of searches. */
  readonly #items: JsonObject[] = []
  /** Of the last reasoning, as long as no part has carried it. */
  #signature = ''
  #isBegun = false

  constructor(form: StreamForm, turn: Turn, capabilities: Capabilities) {
    this.#form = form
    this.#turn = turn
    this.#shown = thinkingShown(turn, capabilities)
    this.#frames = {
      text: this.#around({ text: HOLE }),
      thinking: this.#around({ text: HOLE, thought: true }),
    }
    this.#answer = new AnswerStream({
      write: (kind, literals) => this.#write(kind, literals),
      item: (item) => this.#item(item),
      end: (end) => this.#end(end),
    })
  }

  push(events: EventBatch): ByteString {
    return this.#answer.push(events)
  }

  fail(error: GatewayError): ByteString {
    return (this.#framed(jsonBytes(toGeminiError(error))) + this.#closing) as ByteString
  }

  keepalive(): ByteString {
    return KEEPALIVES[this.#form] as ByteString
  }

  get #closing(): string {
    return this.#form === 'array' ? ']' : ''
  }

  #write(kind: AnswerText, literals: readonly ByteString[]): string {
    if (kind === 'thinking' && this.#shown !== 'summarized') return ''
    const hasSignature = kind === 'text' && this.#signature !== ''
    const [head, tail] = this.#frames[kind]
    const [first, ...others] = literals
    const opening = first === undefined || !hasSignature ? '' : this.#signedText(first)
    const rest = hasSignature ? others : literals
    return opening + rest.map((literal) => this.#framed(head + literal + tail)).join('')
  }

  #signedText(literal: ByteString): string {
    const [head, tail] = this.#around(signed({ text: HOLE }, this.#takeSignature()))
    return this.#framed(head + literal + tail)
  }

  #item(item: JsonObject): string {
    if (isCall(item)) {
      return this.#part(signed({ functionCall: toFunctionCall(item) }, this.#takeSignature()))
    }
    if (item.type !== 'reasoning') this.#items.push(item)
    else if (this.#shown !== 'none') {
      const before = this.#takeSignature()
      this.#signature = toSignature(item)
      return before === '' ? '' : this.#part(toSignaturePart(before))
    }
    return ''
  }

  #end({ response, hasRefusal }: AnswerEnd): string {
    const signature = this.#takeSignature()
    const part = signature === '' ? { text: '' } : toSignaturePart(signature)
    const grounding = toGrounding(this.#items)
    const usage = toUsageMetadata(response)
    const chunk = this.#chunk(
      part,
      {
        finishReason: toFinishReason(response, hasRefusal),
        ...(grounding === undefined ? {} : { groundingMetadata: grounding }),
      },
      usage === undefined ? {} : { usageMetadata: usage },
    )
    return this.#framed(jsonBytes(chunk)) + this.#closing
  }

  #takeSignature(): string {
    const signature = this.#signature
    this.#signature = ''
    return signature
  }

  #part(part: Part): string {
    return this.#framed(jsonBytes(this.#chunk(part)))
  }

  #chunk(part: Part, candidate: JsonObject = {}, others: JsonObject = {}): JsonObject {
    return {
      candidates: [{ content: { parts: [part], role: 'model' }, index: 0, ...candidate }],
      ...others,
      modelVersion: this.#turn.model,
      responseId: this.#responseId,
    }
  }

  #framed(json: string): string {
    if (this.#form === 'sse') return `data: ${json}\n\n`
    const before = this.#isBegun ? ',\n' : '['
    this.#isBegun = true
    return before + json
  }

  /** What stands around a text: the same bytes as `#part` writes. */
  #around(part: Part): readonly [head: ByteString, tail: ByteString] {
    const chunk = toBytes(JSON.stringify(this.#chunk(part)))
    const at = chunk.indexOf(HOLE_LITERAL)
    return [sliceBytes(chunk, 0, at), sliceBytes(chunk, at + HOLE_LITERAL.length)]
  }
}

/** Stands for a text while what is around it is made. */
const HOLE = '\u0000'
const HOLE_LITERAL = JSON.stringify(HOLE)
