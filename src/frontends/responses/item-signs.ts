import { type JsonObject, numberAt, objectAt, stringAt } from '../../lib/json.ts'
import { scanInteger } from '../../lib/json-scan.ts'
import type { TurnEvent } from '../../turn/events.ts'
import { ANNOTATED, kindOfDelta, kindOfDone, kindOfPart, type TextKind } from '../../turn/text-kinds.ts'
import { STAGE, type Stage, type TextSign } from './shown-item.ts'

/** What an event tells about an item that must have been added before it. */
export interface ItemSign {
  readonly outputIndex: number
  /** undefined = it is about the item as such. */
  readonly text: TextSign | undefined
  /** The item to add if there was none; undefined where the event says too little for one. */
  skeleton(): JsonObject | undefined
  /** The members of its JSON that say where it belongs, as the backend writes them. */
  members(): readonly string[]
}

/** undefined = the event is about no item. */
export function readSign(event: TurnEvent): ItemSign | undefined {
  const delta = kindOfDelta(event.type)
  if (delta !== undefined) return new TextEvent(event, delta, STAGE.added, STAGE.begun)
  const done = kindOfDone(event.type)
  if (done !== undefined) return new TextEvent(event, done, STAGE.begun, STAGE.said)
  if (event.type === 'response.output_text.annotation.added') {
    return new TextEvent(event, ANNOTATED, STAGE.added, STAGE.added)
  }
  const [isPart, isEnd] = /^response\.(?:content_part|reasoning_summary_part)\.(?:added|(done))$/.exec(event.type) ?? []
  const kind = isPart === undefined ? undefined : kindOfPart(objectAt(event.fields, 'part') ?? {})
  if (kind === undefined) return readHosted(event)
  return isEnd === undefined
    ? new TextEvent(event, kind, STAGE.none, STAGE.added)
    : new TextEvent(event, kind, STAGE.said, STAGE.closed)
}

/** Places are read by a scan: the texts are long, and nearly always nobody asks for them. */
class TextEvent implements ItemSign {
  readonly outputIndex: number
  readonly text: TextSign
  readonly #event: TurnEvent

  constructor(event: TurnEvent, kind: TextKind, before: Stage, shows: Stage) {
    this.#event = event
    this.outputIndex = indexAt(event, 'output_index')
    const inner = kind.part === undefined ? 0 : indexAt(event, kind.part.index)
    this.text = { kind, inner, before, shows, content: () => contentOf(event, kind) }
  }

  skeleton(): JsonObject | undefined {
    const id = stringAt(this.#event.fields, 'item_id')
    const known = id === undefined ? {} : { id }
    const { itemType } = this.text.kind
    if (itemType === 'message') {
      return { ...known, type: 'message', status: 'in_progress', role: 'assistant', content: [] }
    }
    return itemType === 'reasoning' ? { ...known, type: 'reasoning', summary: [] } : undefined
  }

  members(): readonly string[] {
    const { kind, inner } = this.text
    const place = kind.part === undefined ? [] : [`"${kind.part.index}":${inner},`]
    return [`"output_index":${this.outputIndex},`, ...place]
  }
}

function contentOf({ fields }: TurnEvent, { member }: TextKind): { text: string; part: JsonObject | undefined } {
  const part = objectAt(fields, 'part')
  return { text: stringAt(part ?? fields, member) ?? '', part }
}

function indexAt(event: TurnEvent, key: string): number {
  return scanInteger(event.json, key) ?? numberAt(event.fields, key) ?? 0
}

/** Stages of hosted tools, e.g. `response.web_search_call.searching`, name the item's type. */
function readHosted({ type, fields }: TurnEvent): ItemSign | undefined {
  const itemType = /^response\.(\w+_call)\./.exec(type)?.[1]
  const outputIndex = itemType === undefined ? undefined : numberAt(fields, 'output_index')
  if (outputIndex === undefined) return undefined
  const id = stringAt(fields, 'item_id')
  const known = id === undefined ? {} : { id }
  return {
    outputIndex,
    text: undefined,
    skeleton: () => ({ ...known, type: itemType, status: 'in_progress' }),
    members: () => [],
  }
}
