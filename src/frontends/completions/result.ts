import type { Completion, CompletionChoice } from 'openai/resources/completions'
import type { Response } from 'openai/resources/responses/responses'
import { shortId } from '../../lib/ids.ts'
import { arrayAt, isObject, type JsonObject, numberAt, objectAt, stringAt } from '../../lib/json.ts'
import { toCompletionUsage } from '../../turn/completion-usage.ts'
import { answerText } from '../../turn/output-items.ts'
import type { Turn } from '../../turn/turn.ts'

/** Finished responses, one for each prompt → `text_completion`. */
export function toCompletion(response: Response, turn: Turn, nowSeconds = Math.floor(Date.now() / 1000)): JsonObject {
  // What the backend really sent may lack what the type promises.
  const first = response as unknown as JsonObject
  const all = [first, ...(arrayAt(first, 'further') ?? []).filter(isObject)]
  const usage = toCompletionUsage(first.usage)
  const completion: Completion = {
    id: toCompletionId(stringAt(first, 'id')),
    object: 'text_completion',
    created: numberAt(first, 'created_at') ?? nowSeconds,
    model: turn.model,
    choices: all.map(toChoice),
    ...(usage === undefined ? {} : { usage }),
  }
  return { ...completion }
}

export function toCompletionId(responseId: string | undefined): string {
  return responseId === undefined ? shortId('cmpl-') : `cmpl-${responseId.replace(/^resp_/, '')}`
}

export function toFinishReason(response: JsonObject): CompletionChoice['finish_reason'] {
  if (response.status !== 'incomplete') return 'stop'
  const reason = stringAt(objectAt(response, 'incomplete_details') ?? {}, 'reason')
  return reason === 'content_filter' ? 'content_filter' : 'length'
}

/** Of all messages; this API has no other place for a refusal. */
export function toAnswerText(response: JsonObject): string {
  const items = arrayAt(response, 'output') ?? []
  return items.map((item) => (isObject(item) && item.type === 'message' ? answerText(item) : '')).join('')
}

function toChoice(response: JsonObject, index: number): CompletionChoice {
  return { text: toAnswerText(response), index, logprobs: null, finish_reason: toFinishReason(response) }
}
