import { jsonBytes } from '../../lib/byte-string.ts'
import { type JsonObject, stringAt } from '../../lib/json.ts'
import { scanStringLiteral } from '../../lib/json-scan.ts'
import type { TurnEvent } from '../../turn/events.ts'
import { type ToolTextFormats, toToolText } from '../../turn/tool-text.ts'
import type { Turn } from '../../turn/turn.ts'
import { deltaLiteral, missing, outputIndex } from './delta.ts'
import { type ChatCall, toChatCall } from './items.ts'

interface OpenCall {
  readonly index: number
  /** How its text reaches the client: as it comes, or whole at the end because it must be wrapped or told as text first. */
  readonly isHeld: boolean
  /** Raw JSON text, without quotes, of what deltas brought. */
  sent: string
  isDone: boolean
  item: JsonObject
}

/** The calls of one stream, numbered in the order they open. Yields the JSON of `delta` members. */
export class CallStream {
  readonly #turn: Turn
  readonly #formats: ToolTextFormats
  readonly #byItemId = new Map<string, OpenCall>()
  readonly #byOutputIndex = new Map<number, OpenCall>()
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
    return call.isHeld ? [] : [this.#opening(call.index, toChatCall({ ...item, arguments: '', input: '' }, this.#turn))]
  }

  delta(event: TurnEvent): string[] {
    const literal = scanStringLiteral(event.json, 'item_id')
    const itemId = literal === undefined ? stringAt(event.fields, 'item_id') : literal.slice(1, -1)
    const call =
      (itemId === undefined ? undefined : this.#byItemId.get(itemId)) ?? this.#byOutputIndex.get(outputIndex(event))
    if (call === undefined || call.isDone) return []
    const delta = deltaLiteral(event)
    call.sent += delta.slice(1, -1)
    return call.isHeld ? [] : [this.#fragment(call, delta)]
  }

  /** The item is complete: whatever of it the client has not got yet. */
  close(item: JsonObject, outputIndex: number): string[] {
    const known = this.#find(item, outputIndex)
    const call = known ?? this.#register(item, outputIndex)
    if (call.isDone) return []
    call.isDone = true
    const chatCall = toChatCall(item, this.#turn)
    if (call.isHeld) return this.#whole(call, chatCall)
    const opening = known === undefined ? [this.#opening(call.index, { ...chatCall, text: '' })] : []
    const rest = missing(chatCall.text, call.sent)
    return rest === '' ? opening : [...opening, this.#fragment(call, jsonBytes(rest))]
  }

  /** Calls that never got their end: what was held of them must not be lost. */
  finish(): string[] {
    return this.#calls
      .filter((call) => call.isHeld && !call.isDone)
      .flatMap((call) => {
        call.isDone = true
        const text: string = JSON.parse(`"${Buffer.from(call.sent, 'latin1').toString('utf8')}"`)
        return this.#whole(call, toChatCall({ ...call.item, arguments: text, input: text }, this.#turn))
      })
  }

  #whole(call: OpenCall, chatCall: ChatCall): string[] {
    const told = toToolText(chatCall.name, chatCall.text, this.#formats) ?? ''
    const text = told === '' ? [] : [jsonBytes({ content: told })]
    return [
      ...text,
      this.#opening(call.index, { ...chatCall, text: '' }),
      this.#fragment(call, jsonBytes(chatCall.text)),
    ]
  }

  #find(item: JsonObject, outputIndex: number): OpenCall | undefined {
    return this.#byOutputIndex.get(outputIndex) ?? this.#byItemId.get(stringAt(item, 'id') ?? '')
  }

  #register(item: JsonObject, outputIndex: number): OpenCall {
    const isWrapped = item.type === 'custom_tool_call' && toChatCall(item, this.#turn).type === 'function'
    const isHeld = isWrapped || this.#formats.format !== 'none'
    const call: OpenCall = { index: this.#calls.length, isHeld, sent: '', isDone: false, item }
    this.#calls.push(call)
    if (outputIndex >= 0) this.#byOutputIndex.set(outputIndex, call)
    const itemId = stringAt(item, 'id')
    if (itemId !== undefined) this.#byItemId.set(itemId, call)
    return call
  }

  #opening(index: number, { id, type, name }: ChatCall): string {
    if (this.#turn.legacyFunctions) return jsonBytes({ function_call: { name, arguments: '' } })
    const inner = type === 'custom' ? { custom: { name, input: '' } } : { function: { name, arguments: '' } }
    return jsonBytes({ tool_calls: [{ index, id, type, ...inner }] })
  }

  /** @param literal a JSON string literal */
  #fragment({ index, item }: OpenCall, literal: string): string {
    if (this.#turn.legacyFunctions) return `{"function_call":{"arguments":${literal}}}`
    const isCustom = toChatCall(item, this.#turn).type === 'custom'
    const inner = isCustom ? `"custom":{"input":${literal}}` : `"function":{"arguments":${literal}}`
    return `{"tool_calls":[{"index":${index},${inner}}]}`
  }
}
