import type { JsonObject } from '../../lib/json.ts'
import { invalidField } from '../../turn/errors.ts'
import { readObject, readString } from '../../turn/read-body.ts'
import { toBudgetEffort } from '../../turn/thinking-budget.ts'
import type { ThinkingShown } from '../../turn/turn.ts'

export interface Thinking {
  readonly shown: ThinkingShown
  /** The client's word, or the one its budget stands for; undefined = the model's default. */
  readonly effort: string | undefined
  readonly adjusted: readonly string[]
}

const MIN_BUDGET = 1024
/**
 * `thinking` and the effort that goes with it. An effort that was asked for beats a budget.
 * @param effort of `output_config`, or of the last message that set one
 * @throws GatewayError with the field's path
 */
export function readThinking(fields: JsonObject, effort: string | undefined): Thinking {
  const thinking = readObject(fields, 'thinking')
  if (thinking === undefined) return { shown: 'none', effort, adjusted: [] }
  switch (thinking.type) {
    case 'disabled':
      // The lowest level a model has is as near as this backend comes.
      return { shown: 'none', effort: effort ?? 'none', adjusted: [] }
    case 'adaptive':
    case 'between_tools':
      return { shown: readDisplay(thinking), effort, adjusted: [] }
    case 'enabled': {
      const word = toEffort(thinking.budget_tokens)
      const isBudgetUsed = effort === undefined
      return {
        shown: readDisplay(thinking),
        effort: effort ?? word,
        adjusted: isBudgetUsed ? [`output_config.effort=${word}`] : [],
      }
    }
    default:
      throw invalidField('thinking.type', 'thinking.type must be one of: enabled, adaptive, between_tools, disabled.')
  }
}

function readDisplay(thinking: JsonObject): ThinkingShown {
  const display = readString(thinking, 'display', 'thinking.display') ?? 'summarized'
  if (display === 'summarized' || display === 'omitted') return display
  throw invalidField('thinking.display', 'thinking.display must be summarized or omitted.')
}

function toEffort(budget: unknown): string {
  if (typeof budget !== 'number' || !Number.isInteger(budget) || budget < MIN_BUDGET) {
    throw invalidField('thinking.budget_tokens', `thinking.budget_tokens must be an integer of at least ${MIN_BUDGET}.`)
  }
  return toBudgetEffort(budget)
}
