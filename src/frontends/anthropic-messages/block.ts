import type { ContentBlock } from '@anthropic-ai/sdk/resources/messages'
import { type ByteString, jsonBytes } from '../../lib/byte-string.ts'
import type { JsonObject } from '../../lib/json.ts'
import { annotationsOf, answerText, inputText, isCall, reasoningText } from '../../turn/output-items.ts'
import { SentText } from '../../turn/sent-text.ts'
import type { ThinkingShown } from '../../turn/turn.ts'
import { textBlock, toCitations, toolUseBlock, toSearchBlocks } from './blocks.ts'
import { DELTA_TAIL, deltaFrame, deltaHead, startFrame, stopFrame } from './frames.ts'
import { toSignature } from './signature.ts'

/** `other` items have no place in this protocol. */
export type BlockKind = 'text' | 'thinking' | 'call' | 'search' | 'other'

/** What the blocks of one stream share. */
export interface BlockContext {
  readonly shown: ThinkingShown
  /** A block gets its index when it begins. */
  nextIndex(): number
}

export function blockKindOf(item: JsonObject): BlockKind {
  if (isCall(item)) return 'call'
  if (item.type === 'message') return 'text'
  if (item.type === 'reasoning') return 'thinking'
  return item.type === 'web_search_call' ? 'search' : 'other'
}

/** One output item on its way to the client. Every method returns the frames to write now. */
export class Block {
  readonly kind: BlockKind
  /** What has come of its text, whether or not it went out. */
  readonly sent = new SentText()
  readonly annotations: unknown[] = []
  item: JsonObject
  /** The part of the last delta. */
  part: string | undefined
  isDone = false
  readonly #context: BlockContext
  /** It goes out whole at its end: it must be wrapped, or its name is not known yet. */
  readonly #isHeld: boolean
  #index = -1
  #head = ''

  constructor(item: JsonObject, context: BlockContext) {
    this.kind = blockKindOf(item)
    this.item = item
    this.#context = context
    this.#isHeld = this.kind === 'call' && (item.type === 'custom_tool_call' || item.call_id === undefined)
  }

  /** The block's turn has come: what waited goes out. */
  goLive(): string {
    if (this.#isHeld) return ''
    const start = this.kind === 'call' ? this.#start() : ''
    const waiting = this.sent.decode()
    return waiting === '' ? start : start + this.write([jsonBytes(waiting)])
  }

  /** @param literals JSON string literals, already in `sent`; a delta each */
  write(literals: readonly ByteString[]): string {
    if (this.#isSilent) return ''
    const start = this.#index === -1 ? this.#start() : ''
    return start + this.#head + literals.join(DELTA_TAIL + this.#head) + DELTA_TAIL
  }

  /** The item is complete: what of it the client has not got yet, and the block's end. */
  close(): string {
    switch (this.kind) {
      case 'text':
        return this.#rest(answerText(this.item)) + this.#citations() + this.#stop()
      case 'thinking':
        return this.#rest(reasoningText(this.item)) + this.#signature() + this.#stop()
      case 'call':
        return this.#closeCall()
      case 'search':
        return this.#wholeSearch()
      default:
        return ''
    }
  }

  get #isSilent(): boolean {
    if (this.kind === 'thinking') return this.#context.shown !== 'summarized'
    return this.#isHeld || this.kind === 'search' || this.kind === 'other'
  }

  #rest(full: string): string {
    const rest = this.sent.rest(full)
    return rest === '' ? '' : this.write([jsonBytes(rest)])
  }

  #citations(): string {
    if (this.#index === -1) return ''
    const final = annotationsOf(this.item)
    return toCitations(final.length > 0 ? final : this.annotations)
      .map((citation) => deltaFrame(this.#index, { type: 'citations_delta', citation }))
      .join('')
  }

  #signature(): string {
    const signature = toSignature(this.item)
    if (signature === '' || this.#context.shown === 'none') return ''
    const start = this.#index === -1 ? this.#start() : ''
    return start + deltaFrame(this.#index, { type: 'signature_delta', signature })
  }

  #closeCall(): string {
    const start = this.#index === -1 ? this.#start() : ''
    if (!this.#isHeld) return start + this.#rest(inputText(this.item)) + this.#stop()
    const whole = inputText(this.item)
    const text = whole === '' ? '' : this.#head + jsonBytes(whole) + DELTA_TAIL
    return start + text + this.#stop()
  }

  #wholeSearch(): string {
    const [call, result] = toSearchBlocks(this.item)
    this.#index = this.#context.nextIndex()
    const input = deltaFrame(this.#index, { type: 'input_json_delta', partial_json: JSON.stringify(call.input) })
    const head = startFrame(this.#index, { ...call, input: {} }) + input + stopFrame(this.#index)
    this.#index = this.#context.nextIndex()
    return head + startFrame(this.#index, result) + this.#stop()
  }

  #start(): string {
    this.#index = this.#context.nextIndex()
    const [block, type, key] = this.#opening()
    this.#head = deltaHead(this.#index, type, key)
    return startFrame(this.#index, block)
  }

  #opening(): [block: ContentBlock, deltaType: string, key: string] {
    if (this.kind === 'call') return [toolUseBlock(this.item), 'input_json_delta', 'partial_json']
    if (this.kind === 'text') return [textBlock(), 'text_delta', 'text']
    return [{ type: 'thinking', thinking: '', signature: '' }, 'thinking_delta', 'thinking']
  }

  #stop(): string {
    return this.#index === -1 ? '' : stopFrame(this.#index)
  }
}
