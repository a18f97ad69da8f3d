import { type ByteString, jsonBytes } from '../../lib/byte-string.ts'
import { type JsonObject, stringAt } from '../../lib/json.ts'
import { type Delta, type DeltaPlace, DeltaReader, slotOf } from '../../turn/delta.ts'
import type { TurnEvent } from '../../turn/events.ts'
import { SentText } from '../../turn/sent-text.ts'
import { type ToolTextFormats, toToolText } from '../../turn/tool-text.ts'
import type { Turn } from '../../turn/turn.ts'
import { type ChatCall, toChatCall } from './items.ts'

interface OpenCall {
  readonly index: number
  readonly item: JsonObject
  /** It reaches the client whole at its end, since it must be wrapped or told as text first. */
  readonly isHeld: boolean
  /** JSON around the literal of a fragment. */
  readonly fragmentHead: string
  readonly fragmentTail: string
  /** What has come of its text so far. */
  readonly sent: SentText
  isDone: boolean
}

/** The calls of one stream, numbered in the order they open. Yields the JSON of `delta` members. */
export class CallStream {
  readonly #turn: Turn
  readonly #formats: ToolTextFormats
  readonly #deltas = new DeltaReader()
  readonly #byItemId = new Map<string, OpenCall>()
  readonly #byOutputIndex = new Map<number | string, OpenCall>()
  readonly #calls: OpenCall[] = []

  constructor(turn: Turn, formats: ToolTextFormats) {
    this.#turn = turn
    this.#formats = formats
  }

  get count(): number {
    return this.#calls.length
  }

  open(item: JsonObject, outputIndex: number): string[] {
    if (this.#find(item, outputIndex) !== undefined) return []
    const call = this.#register(item, outputIndex)
    return call.isHeld ? [] : this.#opening(call, toChatCall(item, this.#turn))
  }

  delta(event: TurnEvent): string[] {
    return this.fragment(this.#deltas.read(event))
  }

  fragment({ literal, place }: Delta): string[] {
    const call = this.#at(place)
    return call === undefined || call.isDone ? [] : this.#bring(call, literal)
  }

  /** `….arguments.done` and `….input.done`: the text is complete. */
  text(event: TurnEvent): string[] {
    const call = this.#at({ slot: slotOf(event), itemId: stringAt(event.fields, 'item_id') ?? '' })
    if (call === undefined || call.isDone) return []
    const full = stringAt(event.fields, 'arguments') ?? stringAt(event.fields, 'input') ?? ''
    const rest = call.sent.rest(full)
    return rest === '' ? [] : this.#bring(call, jsonBytes(rest))
  }

  /** The item is complete: whatever of it the client has not got yet. */
  close(item: JsonObject, outputIndex: number): string[] {
    const known = this.#find(item, outputIndex)
    const call = known ?? this.#register(item, outputIndex)
    if (call.isDone) return []
    call.isDone = true
    const chatCall = toChatCall(item, this.#turn)
    if (call.isHeld) return this.#whole(call, chatCall)
    const opening = known === undefined ? this.#opening(call, chatCall) : []
    return [...opening, ...this.#pieceOf(call, call.sent.rest(chatCall.text))]
  }

  /** Calls that never got their end: what was held of them must not be lost. */
  finish(): string[] {
    const waiting = this.#calls.filter((call) => call.isHeld && !call.isDone)
    return waiting.flatMap((call) => {
      call.isDone = true
      const text = call.sent.decode()
      return this.#whole(call, toChatCall({ ...call.item, arguments: text, input: text }, this.#turn))
    })
  }

  #bring(call: OpenCall, literal: ByteString): string[] {
    call.sent.add([literal])
    return call.isHeld || this.#isHidden(call) ? [] : [call.fragmentHead + literal + call.fragmentTail]
  }

  #whole(call: OpenCall, chatCall: ChatCall): string[] {
    const told = toToolText(chatCall.name, chatCall.text, this.#formats)
    const text = told === '' ? [] : [jsonBytes({ content: told })]
    return [...text, ...this.#opening(call, chatCall), ...this.#pieceOf(call, chatCall.text)]
  }

  #opening(call: OpenCall, { id, type, name }: ChatCall): string[] {
    if (this.#isHidden(call)) return []
    if (this.#turn.legacyFunctions) return [jsonBytes({ function_call: { name, arguments: '' } })]
    const inner = type === 'custom' ? { custom: { name, input: '' } } : { function: { name, arguments: '' } }
    return [jsonBytes({ tool_calls: [{ index: call.index, id, type, ...inner }] })]
  }

  #pieceOf(call: OpenCall, text: string): string[] {
    if (text === '' || this.#isHidden(call)) return []
    return [call.fragmentHead + jsonBytes(text) + call.fragmentTail]
  }

  /** The old form has room for one call only. */
  #isHidden({ index }: OpenCall): boolean {
    return this.#turn.legacyFunctions && index > 0
  }

  #at({ slot, itemId }: Pick<DeltaPlace, 'slot' | 'itemId'>): OpenCall | undefined {
    return this.#byItemId.get(itemId) ?? this.#byOutputIndex.get(slot)
  }

  #find(item: JsonObject, outputIndex: number): OpenCall | undefined {
    const byId = this.#byItemId.get(stringAt(item, 'id') ?? '')
    if (byId !== undefined) return byId
    const call = this.#byOutputIndex.get(outputIndex)
    return call?.item.call_id === item.call_id ? call : undefined
  }

  #register(item: JsonObject, outputIndex: number): OpenCall {
    const { type } = toChatCall(item, this.#turn)
    const isWrapped = item.type === 'custom_tool_call' && type === 'function'
    const index = this.#calls.length
    const inner = type === 'custom' ? '"custom":{"input":' : '"function":{"arguments":'
    const call: OpenCall = {
      index,
      item,
      isHeld: isWrapped || this.#formats.format !== 'none',
      fragmentHead: this.#turn.legacyFunctions
        ? '{"function_call":{"arguments":'
        : `{"tool_calls":[{"index":${index},${inner}`,
      fragmentTail: this.#turn.legacyFunctions ? '}}' : '}}]}',
      sent: new SentText(),
      isDone: false,
    }
    this.#calls.push(call)
    if (outputIndex >= 0) this.#byOutputIndex.set(outputIndex, call)
    const itemId = stringAt(item, 'id')
    if (itemId !== undefined) this.#byItemId.set(itemId, call)
    return call
  }
}
