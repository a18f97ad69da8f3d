import { z } from 'zod'
import { isObject, type JsonObject } from '../lib/json.ts'
import type { RawEvent } from './events.ts'

const NEWLINES = new Map<unknown, string>([
  ['\n', 'lf'],
  ['\r\n', 'crlf'],
  ['\r', 'cr'],
])

const json = z.record(z.string(), z.unknown())
/** A number of equal pieces, or the pieces themselves. */
const deltas = z.union([z.int().positive(), z.array(z.string())])
const onOrFields = z.union([z.literal(true), json])

const toolCall = z.strictObject({
  name: z.string(),
  /** An object is written as JSON. */
  arguments: z.union([z.string(), json]),
  call_id: z.string().optional(),
  namespace: z.string().optional(),
  deltas: deltas.optional(),
  /** No argument deltas at all, only the finished arguments (backend-facts.md §8). */
  delta_less: z.boolean().optional(),
})

const customToolCall = z.strictObject({
  name: z.string(),
  input: z.string(),
  call_id: z.string().optional(),
  namespace: z.string().optional(),
  deltas: deltas.optional(),
})

/** One step each; the first key is the one that names it. */
const STEPS = {
  /** One event as it is, without a sequence number of ours. */
  event: z.strictObject({ event: json.and(z.object({ type: z.string() })) }),
  /** Text for the wire as it is. */
  raw: z.strictObject({ raw: z.string() }),
  pause_ms: z.strictObject({ pause_ms: z.number().nonnegative() }),
  comment: z.strictObject({ comment: z.string() }),

  /** A whole turn: created, the text, completed. */
  say: z.strictObject({ say: z.string() }),
  created: z.strictObject({ created: onOrFields }),
  text: z.strictObject({
    text: z.string(),
    deltas: deltas.optional(),
    annotations: z.array(json).optional(),
    phase: z.string().optional(),
  }),
  refusal: z.strictObject({ refusal: z.string(), deltas: deltas.optional() }),
  reasoning: z.strictObject({
    reasoning: z.strictObject({
      summary: z.array(z.string()).default([]),
      encrypted_content: z.string().optional(),
      /** Raw reasoning text, which some models show instead of a summary. */
      text: z.string().optional(),
    }),
  }),
  tool_call: z.strictObject({ tool_call: toolCall }),
  custom_tool_call: z.strictObject({ custom_tool_call: customToolCall }),
  /** Several function calls; with `interleave` their argument deltas alternate. */
  parallel: z.strictObject({ parallel: z.array(toolCall), interleave: z.boolean().default(false) }),
  web_search_call: z.strictObject({ web_search_call: z.strictObject({ query: z.string() }) }),
  /** Any other output item: added, then done. */
  item: z.strictObject({ item: json }),
  rate_limits: z.strictObject({ rate_limits: onOrFields }),

  completed: z.strictObject({
    completed: z.union([
      z.literal(true),
      z.strictObject({
        usage: json.nullable().optional(),
        /** `empty`: the final event carries `output: []` (backend-facts.md §8). */
        output: z.enum(['full', 'empty']).default('full'),
        as: z.enum(['response.completed', 'response.done']).default('response.completed'),
      }),
    ]),
  }),
  incomplete: z.strictObject({ incomplete: z.strictObject({ reason: z.string(), usage: json.nullable().optional() }) }),
  /** `null`: a failure that names no error. */
  failed: z.strictObject({ failed: json.nullable() }),
  /** An `error` event with these members. */
  error: z.strictObject({ error: json }),
} as const

type StepSchemas = typeof STEPS
/** As one writes it: members with a default may be left out. */
export type StepInput = { [K in keyof StepSchemas]: z.input<StepSchemas[K]> }[keyof StepSchemas]
export type Step = { [K in keyof StepSchemas]: z.output<StepSchemas[K]> }[keyof StepSchemas]
export type ToolCallStep = z.output<typeof toolCall>
export type CustomToolCallStep = z.output<typeof customToolCall>
export type Deltas = z.output<typeof deltas>

/** Finds the schema by the key that names the step, so that a mistake is reported for that step alone. */
const step = z.unknown().transform((value, context): Step => {
  const name = isObject(value) ? Object.keys(STEPS).find((key) => Object.hasOwn(value, key)) : undefined
  const schema = name === undefined ? undefined : STEPS[name as keyof StepSchemas]
  if (schema === undefined) {
    context.addIssue({ code: 'custom', message: `a step is one of: ${Object.keys(STEPS).join(', ')}` })
    return z.NEVER
  }
  const result = schema.safeParse(value)
  if (result.success) return result.data
  for (const { path, message } of result.error.issues) context.addIssue({ code: 'custom', path, message })
  return z.NEVER
})

const headers = z.record(z.string(), z.string().nullable())

const scenarioSchema = z.strictObject({
  name: z.string().optional(),
  /** All given conditions must hold. */
  match: z
    .strictObject({
      /** The last user text contains `[[scenario:MARKER]]`. */
      marker: z.string().optional(),
      model: z.string().optional(),
      /** The last user text contains this. */
      contains: z.string().optional(),
    })
    .optional(),
  /**
   * What it answers: a generating request unless said; `upgrade`, a request for a WebSocket, by an HTTP answer;
   * `warm_up`, a message with `generate: false`.
   */
  answers: z.enum(['request', 'upgrade', 'warm_up']).optional(),
  /** With a body in place of a stream this is an error message on a WebSocket. */
  status: z.int().min(200).max(599).optional(),
  /** Answer headers; null takes a default one away. */
  headers: headers.optional(),
  response_headers: headers.optional(),
  /** Instead of a stream: text, or JSON. */
  body: z.unknown().optional(),
  html: z.string().optional(),
  /** Before anything is sent, headers included. */
  delay_ms: z.number().nonnegative().optional(),
  stream: z.array(step).optional(),
  /** How the stream's bytes fall into writes; a number: that many bytes each. */
  chunking: z.union([z.enum(['event', 'byte', 'whole']), z.int().positive()]).optional(),
  newline: z.enum(['lf', 'crlf', 'cr']).optional(),
  event_lines: z.boolean().optional(),
  /** Between events. */
  pace_ms: z.number().nonnegative().optional(),
  /**
   * The stream, or that of the usual answer, stops behind so many events, `codex.*` not counted, and `end` follows.
   */
  after_events: z.int().nonnegative().optional(),
  /**
   * After the last step: `close` ends the answer; `cut` breaks the connection; `stall` leaves it open; `idle_after` ends
   * the answer and closes the kept-alive connection soon after; `reset_next` ends it and resets the connection when the
   * next request comes over it; `close_socket` closes a WebSocket with `close_code`, and is `close` over HTTP.
   */
  end: z.enum(['close', 'cut', 'stall', 'idle_after', 'reset_next', 'close_socket']).optional(),
  /** 1000 unless said. */
  close_code: z.int().min(1000).max(4999).optional(),
  /** How many requests it answers when queued; 1 unless said. */
  repeat: z.union([z.int().positive(), z.literal('always')]).optional(),
})

export type Scenario = z.output<typeof scenarioSchema>

/** As code may write it: also bare events, bare text for the wire, and our own spelling of times. */
export type ScenarioInput = Omit<z.input<typeof scenarioSchema>, 'stream' | 'newline' | 'headers'> & {
  readonly headers?: Readonly<Record<string, string | null>>
  readonly stream?: readonly (StepInput | RawEvent | string | { readonly pauseMs: number })[]
  readonly newline?: 'lf' | 'crlf' | 'cr' | '\n' | '\r\n' | '\r'
  readonly delayMs?: number
  readonly paceMs?: number
  readonly chunkBytes?: number
}

/**
 * Untrusted JSON or YAML → a scenario.
 * @param source what the message calls it, e.g. `scenarios[2]`
 * @throws Error with one line per mistake
 */
export function parseScenario(value: unknown, source = 'scenario'): Scenario {
  const result = scenarioSchema.safeParse(isObject(value) ? spellOut(value) : value)
  if (result.success) return result.data
  const lines = result.error.issues.map(({ path, message }) => `${[source, ...path].join('.')}: ${message}`)
  throw new Error(lines.join('\n'))
}

/** Shorthands → the one form the schema knows. */
function spellOut(value: JsonObject): JsonObject {
  const { delayMs, paceMs, chunkBytes, ...rest } = value
  const spelled: JsonObject = { ...rest }
  if (delayMs !== undefined) spelled.delay_ms = delayMs
  if (paceMs !== undefined) spelled.pace_ms = paceMs
  if (chunkBytes !== undefined) spelled.chunking = chunkBytes
  const newline = NEWLINES.get(rest.newline)
  if (newline !== undefined) spelled.newline = newline
  if (Array.isArray(rest.stream)) spelled.stream = rest.stream.map(spellOutStep)
  return spelled
}

function spellOutStep(value: unknown): unknown {
  if (typeof value === 'string') return { raw: value }
  if (!isObject(value)) return value
  if (typeof value.type === 'string') return { event: value }
  return 'pauseMs' in value ? { pause_ms: value.pauseMs } : value
}
