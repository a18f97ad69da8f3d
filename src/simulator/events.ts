import type { JsonObject } from '../lib/json.ts'

/** One event of the backend's stream as JSON. `sequence_number` is put in by `numbered`. */
export type RawEvent = JsonObject & { type: string }

/** Where an event belongs; the defaults fit a lone first item. */
export interface Place {
  readonly itemId?: string
  readonly outputIndex?: number
  /** For summary events: `summary_index`. */
  readonly partIndex?: number
}

/** The usage of connector.md's examples: 100 in (40 cached), 20 out (7 reasoning). */
export const SAMPLE_USAGE: JsonObject = {
  input_tokens: 100,
  input_tokens_details: { cached_tokens: 40 },
  output_tokens: 20,
  output_tokens_details: { reasoning_tokens: 7 },
  total_tokens: 120,
}

/** Output items in their finished form (upstream.md §5). */
export const item = {
  message: (text: string, fields: JsonObject = {}): JsonObject => ({
    id: 'msg_1',
    type: 'message',
    status: 'completed',
    role: 'assistant',
    content: [part.text(text)],
    ...fields,
  }),
  refusal: (refusal: string, fields: JsonObject = {}): JsonObject =>
    item.message('', { content: [part.refusal(refusal)], ...fields }),
  reasoning: (summary: readonly string[], fields: JsonObject = {}): JsonObject => ({
    id: 'rs_1',
    type: 'reasoning',
    summary: summary.map((text) => part.summary(text)),
    ...fields,
  }),
  functionCall: (name: string, args: string, fields: JsonObject = {}): JsonObject => ({
    id: 'fc_1',
    type: 'function_call',
    status: 'completed',
    call_id: 'call_1',
    name,
    arguments: args,
    ...fields,
  }),
  customCall: (name: string, input: string, fields: JsonObject = {}): JsonObject => ({
    id: 'ctc_1',
    type: 'custom_tool_call',
    status: 'completed',
    call_id: 'call_1',
    name,
    input,
    ...fields,
  }),
  webSearch: (query: string, fields: JsonObject = {}): JsonObject => ({
    id: 'ws_1',
    type: 'web_search_call',
    status: 'completed',
    action: { type: 'search', query },
    ...fields,
  }),
}

/** Content and summary parts. */
export const part = {
  text: (text: string, annotations: readonly JsonObject[] = []): JsonObject => ({
    type: 'output_text',
    annotations,
    logprobs: [],
    text,
  }),
  refusal: (refusal: string): JsonObject => ({ type: 'refusal', refusal }),
  summary: (text: string): JsonObject => ({ type: 'summary_text', text }),
}

/** Single events, as the backend words them. Sequences of them: `expand-scenario.ts`. */
export const ev = {
  created: (id = 'resp_1', fields: JsonObject = {}): RawEvent => ({
    type: 'response.created',
    response: responseObject(id, 'in_progress', fields),
  }),
  inProgress: (id = 'resp_1', fields: JsonObject = {}): RawEvent => ({
    type: 'response.in_progress',
    response: responseObject(id, 'in_progress', fields),
  }),

  added: (content: JsonObject, outputIndex = 0): RawEvent => ({
    type: 'response.output_item.added',
    output_index: outputIndex,
    item: content,
  }),
  done: (content: JsonObject, outputIndex = 0): RawEvent => ({
    type: 'response.output_item.done',
    output_index: outputIndex,
    item: content,
  }),
  partAdded: (content: JsonObject, place: Place = {}): RawEvent => ({
    type: 'response.content_part.added',
    ...contentPlace(place, 'msg_1'),
    part: content,
  }),
  partDone: (content: JsonObject, place: Place = {}): RawEvent => ({
    type: 'response.content_part.done',
    ...contentPlace(place, 'msg_1'),
    part: content,
  }),

  /** One piece of text. */
  text: (delta: string, place: Place = {}): RawEvent => ({
    type: 'response.output_text.delta',
    ...contentPlace(place, 'msg_1'),
    delta,
    logprobs: [],
  }),
  textDone: (text: string, place: Place = {}): RawEvent => ({
    type: 'response.output_text.done',
    ...contentPlace(place, 'msg_1'),
    text,
    logprobs: [],
  }),
  annotation: (annotation: JsonObject, index = 0, place: Place = {}): RawEvent => ({
    type: 'response.output_text.annotation.added',
    ...contentPlace(place, 'msg_1'),
    annotation_index: index,
    annotation,
  }),
  refusal: (delta: string, place: Place = {}): RawEvent => ({
    type: 'response.refusal.delta',
    ...contentPlace(place, 'msg_1'),
    delta,
  }),
  refusalDone: (refusal: string, place: Place = {}): RawEvent => ({
    type: 'response.refusal.done',
    ...contentPlace(place, 'msg_1'),
    refusal,
  }),

  summaryAdded: (place: Place = {}): RawEvent => ({
    type: 'response.reasoning_summary_part.added',
    ...summaryPlace(place),
    part: part.summary(''),
  }),
  /** One piece of a reasoning summary. */
  summary: (delta: string, place: Place = {}): RawEvent => ({
    type: 'response.reasoning_summary_text.delta',
    ...summaryPlace(place),
    delta,
  }),
  summaryTextDone: (text: string, place: Place = {}): RawEvent => ({
    type: 'response.reasoning_summary_text.done',
    ...summaryPlace(place),
    text,
  }),
  summaryDone: (text: string, place: Place = {}): RawEvent => ({
    type: 'response.reasoning_summary_part.done',
    ...summaryPlace(place),
    part: part.summary(text),
  }),
  reasoningText: (delta: string, place: Place = {}): RawEvent => ({
    type: 'response.reasoning_text.delta',
    ...contentPlace(place, 'rs_1'),
    delta,
  }),
  reasoningTextDone: (text: string, place: Place = {}): RawEvent => ({
    type: 'response.reasoning_text.done',
    ...contentPlace(place, 'rs_1'),
    text,
  }),

  /** A function call begins: its item without arguments. */
  toolCall: (name: string, callId = 'call_1', place: Place = {}): RawEvent =>
    ev.added(
      item.functionCall(name, '', { id: place.itemId ?? 'fc_1', status: 'in_progress', call_id: callId }),
      place.outputIndex,
    ),
  /** One piece of a function call's arguments. */
  toolArgs: (delta: string, place: Place = {}): RawEvent => ({
    type: 'response.function_call_arguments.delta',
    ...itemPlace(place, 'fc_1'),
    delta,
  }),
  toolArgsDone: (args: string, place: Place = {}): RawEvent => ({
    type: 'response.function_call_arguments.done',
    ...itemPlace(place, 'fc_1'),
    arguments: args,
  }),
  toolDone: (name: string, args: string, callId = 'call_1', place: Place = {}): RawEvent =>
    ev.done(item.functionCall(name, args, { id: place.itemId ?? 'fc_1', call_id: callId }), place.outputIndex),
  customCall: (name: string, callId = 'call_1', place: Place = {}): RawEvent =>
    ev.added(
      item.customCall(name, '', { id: place.itemId ?? 'ctc_1', status: 'in_progress', call_id: callId }),
      place.outputIndex,
    ),
  customInput: (delta: string, place: Place = {}): RawEvent => ({
    type: 'response.custom_tool_call_input.delta',
    ...itemPlace(place, 'ctc_1'),
    delta,
  }),
  customInputDone: (input: string, place: Place = {}): RawEvent => ({
    type: 'response.custom_tool_call_input.done',
    ...itemPlace(place, 'ctc_1'),
    input,
  }),
  customDone: (name: string, input: string, callId = 'call_1', place: Place = {}): RawEvent =>
    ev.done(item.customCall(name, input, { id: place.itemId ?? 'ctc_1', call_id: callId }), place.outputIndex),
  webSearch: (stage: 'in_progress' | 'searching' | 'completed', place: Place = {}): RawEvent => ({
    type: `response.web_search_call.${stage}`,
    ...itemPlace(place, 'ws_1'),
  }),

  /** Fields go into the response object, e.g. `output` and `usage`. */
  completed: (id = 'resp_1', fields: JsonObject = {}): RawEvent => ({
    type: 'response.completed',
    response: responseObject(id, 'completed', { usage: SAMPLE_USAGE, ...fields }),
  }),
  /** The form that may stand in for `response.completed` (backend-facts.md §8). */
  responseDone: (id = 'resp_1', fields: JsonObject = {}): RawEvent => ({
    ...ev.completed(id, fields),
    type: 'response.done',
  }),
  incomplete: (reason = 'max_output_tokens', id = 'resp_1', fields: JsonObject = {}): RawEvent => ({
    type: 'response.incomplete',
    response: responseObject(id, 'incomplete', { incomplete_details: { reason }, usage: SAMPLE_USAGE, ...fields }),
  }),
  /** `error` null and without a code occur too (upstream.md §5). */
  failed: (error: JsonObject | null, id = 'resp_1', fields: JsonObject = {}): RawEvent => ({
    type: 'response.failed',
    response: responseObject(id, 'failed', { error, ...fields }),
  }),
  error: (fields: JsonObject): RawEvent => ({ type: 'error', ...fields }),
  rateLimits: (fields: JsonObject = {}): RawEvent => ({ type: 'codex.rate_limits', ...fields }),
}

/** The same events with `sequence_number` as second key, counted from `first`. Events that have one keep it. */
export function numbered(events: readonly RawEvent[], first = 0): RawEvent[] {
  return events.map((event, index) => {
    const { type, ...rest } = event
    return { type, sequence_number: first + index, ...rest }
  })
}

/** The response object that opens and ends a stream. */
export function responseObject(id: string, status: string, fields: JsonObject = {}): JsonObject {
  return {
    id,
    object: 'response',
    created_at: 1_795_384_000,
    status,
    background: false,
    error: null,
    incomplete_details: null,
    instructions: null,
    model: 'gpt-5.5',
    output: [],
    parallel_tool_calls: true,
    tool_choice: 'auto',
    tools: [],
    store: false,
    usage: null,
    metadata: {},
    ...fields,
  }
}

function itemPlace(place: Place, itemId: string): JsonObject {
  return { item_id: place.itemId ?? itemId, output_index: place.outputIndex ?? 0 }
}

function contentPlace(place: Place, itemId: string): JsonObject {
  return { ...itemPlace(place, itemId), content_index: place.partIndex ?? 0 }
}

function summaryPlace(place: Place): JsonObject {
  return { ...itemPlace(place, 'rs_1'), summary_index: place.partIndex ?? 0 }
}
