import type { JsonObject } from '../lib/json.ts'
import { ev, item, part, type RawEvent, responseObject, SAMPLE_USAGE } from './events.ts'
import type { CustomToolCallStep, Deltas, Step, ToolCallStep } from './scenario.ts'

/** What the script player does, one at a time. Knows nothing of how events travel. */
export type Operation =
  | { readonly kind: 'event'; readonly event: RawEvent }
  | { readonly kind: 'raw'; readonly text: string }
  | { readonly kind: 'comment'; readonly text: string }
  | { readonly kind: 'pause'; readonly ms: number }

export interface ExpandOptions {
  readonly model: string
  /** `prefix` + something never used before. */
  readonly newId: (prefix: string) => string
  /** For final events whose step names none. */
  readonly usage?: JsonObject
}

/** Steps → the full event sequences the backend would send, with sequence numbers (backend-facts.md §8). Lazy. */
export function* expandScenario(steps: readonly Step[], options: ExpandOptions): Generator<Operation> {
  const turn = new Turn(options)
  for (const step of steps) {
    if ('raw' in step) yield { kind: 'raw', text: step.raw }
    else if ('comment' in step) yield { kind: 'comment', text: step.comment }
    else if ('pause_ms' in step) yield { kind: 'pause', ms: step.pause_ms }
    else if ('event' in step) yield { kind: 'event', event: step.event }
    else for (const event of turn.expand(step)) yield { kind: 'event', event: turn.number(event) }
  }
}

type ContentStep = Exclude<Step, { raw: string } | { comment: string } | { pause_ms: number } | { event: RawEvent }>

/** One response under way: its id, its items so far, and the count of its events. */
class Turn {
  readonly #options: ExpandOptions
  readonly #responseId: string
  readonly #output: JsonObject[] = []
  #sequence = 0

  constructor(options: ExpandOptions) {
    this.#options = options
    this.#responseId = options.newId('resp_')
  }

  /** Events of the backend's own family carry no number. */
  number(event: RawEvent): RawEvent {
    if (event.type.startsWith('codex.')) return event
    const { type, ...rest } = event
    this.#sequence += 1
    return { type, sequence_number: this.#sequence - 1, ...rest }
  }

  *expand(step: ContentStep): Generator<RawEvent> {
    if ('created' in step) yield* this.#created(step.created === true ? {} : step.created)
    else if ('say' in step) {
      yield* this.#created({})
      yield* this.#message({ text: step.say })
      yield this.#final('completed', {})
    } else if ('text' in step) yield* this.#message(step)
    else if ('refusal' in step) yield* this.#refusal(step.refusal, step.deltas)
    else if ('reasoning' in step) yield* this.#reasoning(step.reasoning)
    else if ('tool_call' in step) yield* this.#calls([step.tool_call], false)
    else if ('parallel' in step) yield* this.#parallel(step)
    else if ('custom_tool_call' in step) yield* this.#customCall(step.custom_tool_call)
    else if ('web_search_call' in step) yield* this.#webSearch(step.web_search_call.query)
    else if ('item' in step) yield* this.#anyItem(step.item)
    else if ('rate_limits' in step) yield ev.rateLimits(step.rate_limits === true ? sampleLimits() : step.rate_limits)
    else yield* this.#end(step)
  }

  *#parallel(step: { parallel: ToolCallStep[]; interleave: boolean }): Generator<RawEvent> {
    if (step.interleave) yield* this.#calls(step.parallel, true)
    else for (const call of step.parallel) yield* this.#calls([call], false)
  }

  *#end(
    step: Extract<
      ContentStep,
      { completed: unknown } | { incomplete: unknown } | { failed: unknown } | { error: unknown }
    >,
  ): Generator<RawEvent> {
    if ('error' in step) yield ev.error(step.error)
    else if ('failed' in step) yield this.#failed(step.failed)
    else if ('incomplete' in step) {
      const { reason, usage } = step.incomplete
      yield this.#final('incomplete', { incomplete_details: { reason }, ...(usage === undefined ? {} : { usage }) })
    } else {
      const { usage, output, as } = step.completed === true ? DEFAULT_END : step.completed
      const fields = { ...(usage === undefined ? {} : { usage }), ...(output === 'empty' ? { output: [] } : {}) }
      yield { ...this.#final('completed', fields), type: as }
    }
  }

  *#created(fields: JsonObject): Generator<RawEvent> {
    const own = { model: this.#options.model, ...fields }
    yield ev.created(this.#responseId, own)
    yield ev.inProgress(this.#responseId, own)
  }

  #final(status: 'completed' | 'incomplete', fields: JsonObject): RawEvent {
    const usage = this.#options.usage ?? SAMPLE_USAGE
    const own = { model: this.#options.model, output: this.#output, usage, ...fields }
    return { type: `response.${status}`, response: responseObject(this.#responseId, status, own) }
  }

  #failed(error: JsonObject | null): RawEvent {
    return ev.failed(error, this.#responseId, { model: this.#options.model, output: this.#output })
  }

  *#message(step: {
    text: string
    deltas?: Deltas | undefined
    annotations?: JsonObject[] | undefined
    phase?: string | undefined
  }): Generator<RawEvent> {
    const place = this.#place('msg_')
    const { text, annotations = [], phase } = step
    const open = item.message(text, {
      id: place.itemId,
      status: 'in_progress',
      content: [],
      ...(phase === undefined ? {} : { phase }),
    })
    yield ev.added(open, place.outputIndex)
    yield ev.partAdded(part.text(''), place)
    for (const delta of toDeltas(text, step.deltas, splitWords)) yield ev.text(delta, place)
    for (const [index, annotation] of annotations.entries()) yield ev.annotation(annotation, index, place)
    yield ev.textDone(text, place)
    yield ev.partDone(part.text(text, annotations), place)
    yield this.#done({ ...open, status: 'completed', content: [part.text(text, annotations)] }, place.outputIndex)
  }

  *#refusal(refusal: string, deltas: Deltas | undefined): Generator<RawEvent> {
    const place = this.#place('msg_')
    const closed = item.refusal(refusal, { id: place.itemId })
    yield ev.added({ ...closed, status: 'in_progress', content: [] }, place.outputIndex)
    yield ev.partAdded(part.refusal(''), place)
    for (const delta of toDeltas(refusal, deltas, splitWords)) yield ev.refusal(delta, place)
    yield ev.refusalDone(refusal, place)
    yield ev.partDone(part.refusal(refusal), place)
    yield this.#done(closed, place.outputIndex)
  }

  *#reasoning(step: {
    summary: string[]
    encrypted_content?: string | undefined
    text?: string | undefined
  }): Generator<RawEvent> {
    const place = this.#place('rs_')
    const secret = step.encrypted_content === undefined ? {} : { encrypted_content: step.encrypted_content }
    yield ev.added(item.reasoning([], { id: place.itemId, ...secret }), place.outputIndex)
    for (const [partIndex, text] of step.summary.entries()) {
      const at = { ...place, partIndex }
      yield ev.summaryAdded(at)
      for (const delta of splitWords(text)) yield ev.summary(delta, at)
      yield ev.summaryTextDone(text, at)
      yield ev.summaryDone(text, at)
    }
    if (step.text !== undefined) {
      for (const delta of splitWords(step.text)) yield ev.reasoningText(delta, place)
      yield ev.reasoningTextDone(step.text, place)
    }
    const content = step.text === undefined ? {} : { content: [{ type: 'reasoning_text', text: step.text }] }
    yield this.#done(item.reasoning(step.summary, { id: place.itemId, ...content, ...secret }), place.outputIndex)
  }

  *#calls(steps: readonly ToolCallStep[], interleave: boolean): Generator<RawEvent> {
    const calls = steps.map((step) => {
      const args = typeof step.arguments === 'string' ? step.arguments : JSON.stringify(step.arguments)
      const place = this.#place('fc_')
      const namespace = step.namespace === undefined ? {} : { namespace: step.namespace }
      const callId = step.call_id ?? this.#options.newId('call_')
      const closed = item.functionCall(step.name, args, { id: place.itemId, call_id: callId, ...namespace })
      const deltas = step.delta_less === true ? [] : toDeltas(args, step.deltas, splitPieces)
      return { args, place, closed, deltas }
    })
    for (const { closed, place } of calls) {
      yield ev.added({ ...closed, status: 'in_progress', arguments: '' }, place.outputIndex)
    }
    const rounds = interleave ? Math.max(0, ...calls.map(({ deltas }) => deltas.length)) : 0
    for (let round = 0; round < rounds; round += 1) {
      for (const { deltas, place } of calls) {
        const delta = deltas[round]
        if (delta !== undefined) yield ev.toolArgs(delta, place)
      }
    }
    for (const { args, place, closed, deltas } of calls) {
      if (!interleave) for (const delta of deltas) yield ev.toolArgs(delta, place)
      yield ev.toolArgsDone(args, place)
      yield this.#done(closed, place.outputIndex)
    }
  }

  *#customCall(step: CustomToolCallStep): Generator<RawEvent> {
    const place = this.#place('ctc_')
    const namespace = step.namespace === undefined ? {} : { namespace: step.namespace }
    const callId = step.call_id ?? this.#options.newId('call_')
    const closed = item.customCall(step.name, step.input, { id: place.itemId, call_id: callId, ...namespace })
    yield ev.added({ ...closed, status: 'in_progress', input: '' }, place.outputIndex)
    for (const delta of toDeltas(step.input, step.deltas, splitPieces)) yield ev.customInput(delta, place)
    yield ev.customInputDone(step.input, place)
    yield this.#done(closed, place.outputIndex)
  }

  *#webSearch(query: string): Generator<RawEvent> {
    const place = this.#place('ws_')
    const closed = item.webSearch(query, { id: place.itemId })
    yield ev.added({ ...closed, status: 'in_progress' }, place.outputIndex)
    yield ev.webSearch('in_progress', place)
    yield ev.webSearch('searching', place)
    yield ev.webSearch('completed', place)
    yield this.#done(closed, place.outputIndex)
  }

  *#anyItem(content: JsonObject): Generator<RawEvent> {
    const outputIndex = this.#output.push(content) - 1
    yield ev.added(content, outputIndex)
    yield ev.done(content, outputIndex)
  }

  /** Takes the next output index. */
  #place(prefix: string): { itemId: string; outputIndex: number } {
    const itemId = this.#options.newId(prefix)
    return { itemId, outputIndex: this.#output.push({ id: itemId }) - 1 }
  }

  #done(content: JsonObject, outputIndex: number): RawEvent {
    this.#output[outputIndex] = content
    return ev.done(content, outputIndex)
  }
}

const DEFAULT_END = { usage: undefined, output: 'full', as: 'response.completed' } as const

function sampleLimits(): JsonObject {
  const nowS = Math.floor(Date.now() / 1000)
  return {
    plan_type: 'plus',
    rate_limits: {
      allowed: true,
      limit_reached: false,
      primary: { used_percent: 12, window_minutes: 300, reset_after_seconds: 3600, reset_at: nowS + 3600 },
      secondary: { used_percent: 34, window_minutes: 10_080, reset_after_seconds: 200_000, reset_at: nowS + 200_000 },
    },
    credits: { has_credits: false, unlimited: false, balance: '0' },
  }
}

function toDeltas(text: string, deltas: Deltas | undefined, split: (text: string) => string[]): string[] {
  if (Array.isArray(deltas)) return deltas
  if (deltas === undefined) return split(text)
  const size = Math.max(1, Math.ceil(text.length / deltas))
  return chunk(text, size)
}

function splitWords(text: string): string[] {
  return text.match(/\s*\S+|\s+$/g) ?? []
}

/** Arguments come in small pieces that respect no token of JSON. */
function splitPieces(text: string): string[] {
  return chunk(text, 7)
}

/** Never between the halves of a surrogate pair. */
function chunk(text: string, size: number): string[] {
  const pieces: string[] = []
  for (let start = 0; start < text.length; ) {
    let end = Math.min(text.length, start + size)
    const code = text.charCodeAt(end - 1)
    if (end < text.length && code >= 0xd800 && code <= 0xdbff) end += 1
    pieces.push(text.slice(start, end))
    start = end
  }
  return pieces
}
