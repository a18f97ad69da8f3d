import { type JsonObject, stringAt } from '../../lib/json.ts'
import type { TurnEvent } from '../../turn/events.ts'
import { emptyPart, type ItemText, type TextKind, textsOf } from '../../turn/text-kinds.ts'

/** Makes an event up, with a sequence number that fits. */
export type Make = (type: string, fields: JsonObject) => TurnEvent

/** How far a text has come. */
export const STAGE = { none: 0, added: 1, begun: 2, said: 3, closed: 4 } as const
export type Stage = (typeof STAGE)[keyof typeof STAGE]

/** Which text, and how to get at it. */
export interface ToldText {
  readonly kind: TextKind
  readonly inner: number
  /** As much of it as is known: the whole text, and the part that holds it. */
  readonly content: () => { readonly text: string; readonly part: JsonObject | undefined }
}

/** What one event tells of a text. */
export interface TextSign extends ToldText {
  /** What must have been shown before it. */
  readonly before: Stage
  /** What it shows itself. */
  readonly shows: Stage
}

/** No answer has as many; a wild index must not keep us busy. */
const MAX_PARTS = 1000

/** An output item as far as the client has seen it. */
export class ShownItem {
  readonly index: number
  readonly id: string | undefined
  isDone = false
  readonly #stages = new Map<string, Stage>()

  /** @param item as it was added; what it holds counts as shown */
  constructor(item: JsonObject, index: number) {
    this.index = index
    this.id = stringAt(item, 'id')
    for (const { kind, inner, text } of textsOf(item)) {
      this.#stages.set(keyOf(kind, inner), text === '' ? STAGE.added : STAGE.begun)
    }
  }

  /** True once a delta of this text has been shown: any further one needs nothing before it. */
  hasBegun(kind: TextKind, inner: number): boolean {
    return (this.#stages.get(keyOf(kind, inner)) ?? STAGE.none) >= STAGE.begun
  }

  /** What must be shown before an event that speaks of this text. */
  reach(sign: TextSign, make: Make): TurnEvent[] {
    const made = [...this.#earlier(sign, make), ...this.#through(sign, sign.before, make)]
    this.#raise(sign, sign.shows)
    return made
  }

  /** Parts are counted from 0, so one that has been empty so far begins before the next. */
  #earlier({ kind, inner }: ToldText, make: Make): TurnEvent[] {
    const made: TurnEvent[] = []
    if (inner > MAX_PARTS) return made
    for (let before = inner - 1; before >= 0 && !this.#stages.has(keyOf(kind, before)); before -= 1) {
      made.unshift(...this.#through({ kind, inner: before, content: nothingYet }, STAGE.added, make))
    }
    return made
  }

  /** All that is left of a finished text. */
  close({ kind, inner, text, part }: ItemText, make: Make): TurnEvent[] {
    return this.#through({ kind, inner, content: () => ({ text, part }) }, STAGE.closed, make)
  }

  #through(text: ToldText, last: Stage, make: Make): TurnEvent[] {
    const key = keyOf(text.kind, text.inner)
    const made: TurnEvent[] = []
    for (let stage = (this.#stages.get(key) ?? STAGE.none) + 1; stage <= last; stage += 1) {
      const event = this.#stageEvent(text, stage as Stage, make)
      if (event !== undefined) made.push(event)
    }
    this.#raise(text, last)
    return made
  }

  #raise({ kind, inner }: { kind: TextKind; inner: number }, stage: Stage): void {
    const key = keyOf(kind, inner)
    if ((this.#stages.get(key) ?? STAGE.none) < stage) this.#stages.set(key, stage)
  }

  #stageEvent({ kind, inner, content }: ToldText, stage: Stage, make: Make): TurnEvent | undefined {
    const { text, part } = content()
    const { part: place, member } = kind
    const own = { item_id: this.id ?? '', output_index: this.index }
    const at = place === undefined ? own : { ...own, [place.index]: inner }
    if (stage === STAGE.begun)
      return text === '' ? undefined : make(`response.${kind.name}.delta`, { ...at, delta: text })
    if (stage === STAGE.said) return make(`response.${kind.name}.done`, { ...at, [member]: text })
    if (place === undefined) return undefined
    if (stage === STAGE.added) return make(`response.${place.events}.added`, { ...at, part: emptyPart(kind, part) })
    return make(`response.${place.events}.done`, { ...at, part: part ?? { ...emptyPart(kind), [member]: text } })
  }
}

function nothingYet(): { text: string; part: undefined } {
  return { text: '', part: undefined }
}

/** One place holds one text, whatever its kind. */
function keyOf({ part }: TextKind, inner: number): string {
  return part === undefined ? 'own' : part.list + inner
}
