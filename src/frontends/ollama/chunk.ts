import type { ToolCall } from 'ollama'
import { type JsonObject, numberAt, objectAt, stringAt } from '../../lib/json.ts'
import { inputText, toInputObject } from '../../turn/output-items.ts'
import type { OllamaKind } from './fields.ts'

/** What is said at one time, wherever the endpoint puts it. */
export interface Said {
  readonly content: string
  readonly thinking?: string
  readonly tool_calls?: readonly ToolCall[]
}

/** The members of a chunk, or of a whole answer, that hold what is said. */
export function saidMembers(kind: OllamaKind, { content, ...others }: Said): JsonObject {
  return kind === 'chat' ? { message: { role: 'assistant', content, ...others } } : { response: content, ...others }
}

/** A call. The server itself sends ids and the SDK's type lacks them; they let the gateway know its own calls again. */
export function toToolCall(item: JsonObject, index: number): ToolCall {
  const id = stringAt(item, 'call_id') ?? stringAt(item, 'id') ?? ''
  const name = stringAt(item, 'name') ?? ''
  const call = { id, function: { index, name, arguments: toInputObject(inputText(item)) } }
  return call
}

export interface Timing {
  readonly startedAtMs: number
  /** When the first output came; in an answer in one piece nobody knows. */
  readonly firstAtMs?: number | undefined
  readonly endedAtMs: number
}

const NANOSECONDS = 1e6

/** `done_reason`, durations in ns, and the backend's own counts; what it did not tell is left out. */
export function endMembers(response: JsonObject, { startedAtMs, firstAtMs, endedAtMs }: Timing): JsonObject {
  const usage = objectAt(response, 'usage') ?? {}
  const input = numberAt(usage, 'input_tokens')
  const output = numberAt(usage, 'output_tokens')
  const readAtMs = firstAtMs ?? startedAtMs
  return {
    done: true,
    done_reason: toReason(response),
    total_duration: (endedAtMs - startedAtMs) * NANOSECONDS,
    load_duration: 0,
    ...(input === undefined ? {} : { prompt_eval_count: input }),
    prompt_eval_duration: (readAtMs - startedAtMs) * NANOSECONDS,
    ...(output === undefined ? {} : { eval_count: output }),
    eval_duration: (endedAtMs - readAtMs) * NANOSECONDS,
  }
}

function toReason(response: JsonObject): string {
  if (response.status !== 'incomplete') return 'stop'
  const reason = stringAt(objectAt(response, 'incomplete_details') ?? {}, 'reason')
  return reason === undefined || reason === 'max_output_tokens' ? 'length' : reason
}
