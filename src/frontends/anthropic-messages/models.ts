import type { ModelInfo } from '@anthropic-ai/sdk/resources/models'
import type { Model } from 'openai/resources/models'
import { invalidField } from '../../turn/errors.ts'

const MAX_LIMIT = 1000

export interface ModelPage {
  readonly data: ModelInfo[]
  readonly has_more: boolean
  readonly first_id: string | null
  readonly last_id: string | null
}

/** A page of the model list in this API's form. Without `limit` it holds all. @throws GatewayError for a bad `limit` */
export function toModelPage(models: readonly Model[], query: URLSearchParams): ModelPage {
  const after = models.findIndex(({ id }) => id === query.get('after_id'))
  const before = models.findIndex(({ id }) => id === query.get('before_id'))
  const range = models.slice(after + 1, before === -1 ? undefined : before)
  const limit = readLimit(query.get('limit')) ?? range.length
  // Backwards it is the models right before that one.
  const page = before === -1 ? range.slice(0, limit) : range.slice(Math.max(0, range.length - limit))
  return {
    data: page.map(toModelInfo),
    has_more: page.length < range.length,
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
  }
}

export function toModelInfo({ id, created }: Model): ModelInfo {
  return {
    type: 'model',
    id,
    display_name: id,
    created_at: new Date(created * 1000).toISOString(),
    lifecycle: 'active',
    line: null,
    capabilities: null,
    max_input_tokens: null,
    max_tokens: null,
    deprecated_at: null,
    retires_at: null,
  }
}

function readLimit(text: string | null): number | undefined {
  if (text === null) return undefined
  const limit = Number(text)
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit
  throw invalidField('limit', `limit must be an integer from 1 to ${MAX_LIMIT}.`)
}
