import type { Model } from 'openai/resources/models'
import { type JsonObject, numberAt } from '../../lib/json.ts'
import { invalidField } from '../../turn/errors.ts'

const MAX_PAGE = 1000
const METHODS = ['generateContent', 'streamGenerateContent', 'countTokens']

/** A page of the model list in this API's form. Without `pageSize` it holds all. @throws GatewayError for a bad `pageSize` */
export function toModelPage(models: readonly Model[], query: URLSearchParams): JsonObject {
  const from = models.findIndex(({ id }) => id === query.get('pageToken')) + 1
  const size = readSize(query.get('pageSize')) ?? models.length
  const page = models.slice(from, from + size)
  const last = page.at(-1)
  const hasMore = from + size < models.length && last !== undefined
  return { models: page.map((model) => toModelInfo(model, {})), ...(hasMore ? { nextPageToken: last.id } : {}) }
}

/** @param raw the catalogue's entry; `{}` if there is none */
export function toModelInfo({ id }: Model, raw: JsonObject): JsonObject {
  const context = numberAt(raw, 'context_window')
  return {
    name: `models/${id}`,
    version: id,
    displayName: id,
    ...(context === undefined ? {} : { inputTokenLimit: context }),
    supportedGenerationMethods: METHODS,
    thinking: true,
  }
}

function readSize(text: string | null): number | undefined {
  if (text === null || text === '0' || text === '') return undefined
  const size = Number(text)
  if (Number.isInteger(size) && size >= 1) return Math.min(size, MAX_PAGE)
  throw invalidField('pageSize', 'pageSize must be an integer of at least 1.')
}
