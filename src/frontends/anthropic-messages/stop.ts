import type { Message } from '@anthropic-ai/sdk/resources/messages'
import { type JsonObject, objectAt, stringAt } from '../../lib/json.ts'

export type Stop = Pick<Message, 'stop_reason' | 'stop_sequence' | 'stop_details'>

export interface Shown {
  readonly hasCalls: boolean
  readonly hasRefusal: boolean
}

/** Why a finished response ended. `stop_sequence` in it is the gateway's own (`turn/limit-output.ts`). */
export function toStop(response: JsonObject, { hasCalls, hasRefusal }: Shown): Stop {
  const sequence = stringAt(response, 'stop_sequence')
  if (sequence !== undefined) return { ...plainStop('stop_sequence'), stop_sequence: sequence }
  if (response.status === 'incomplete') {
    const reason = stringAt(objectAt(response, 'incomplete_details') ?? {}, 'reason')
    return reason === 'content_filter' ? refusal() : plainStop('max_tokens')
  }
  if (hasRefusal) return refusal()
  return plainStop(hasCalls ? 'tool_use' : 'end_turn')
}

function refusal(): Stop {
  return { ...plainStop('refusal'), stop_details: { type: 'refusal', category: null, explanation: null } }
}

function plainStop(reason: Stop['stop_reason']): Stop {
  return { stop_reason: reason, stop_sequence: null, stop_details: null }
}
