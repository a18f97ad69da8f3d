import { invalidField } from '../turn/errors.ts'
import type { ModelWishes } from '../turn/model.ts'
import { checkWishes } from './setting-words.ts'

/** The only kind of backend so far; a selector may name it instead of an instance. */
export const BACKEND_KIND = 'openai-codex'

export interface Selector {
  /** What stands before the `?`. */
  readonly address: string
  /** The backend as the client spelled it; undefined = none named. */
  readonly backend: string | undefined
  /** The instance it means; undefined = none named, or no such backend. */
  readonly instance: string | undefined
  /** What stands behind the backend. */
  readonly rest: string
  /** `rest` without a leading `openai/`. */
  readonly model: string
  readonly query: ModelWishes
}

const QUERY_KEYS = {
  reasoning_effort: 'effort',
  verbosity: 'verbosity',
  reasoning_summary: 'summary',
  service_tier: 'serviceTier',
} as const satisfies Record<string, keyof ModelWishes>

const QUERY_PATHS = { effort: 'model', verbosity: 'model', summary: 'model' }

/**
 * `[ backend ":" | backend "/" ] model [ "?" query ]` (connector.md §4.1).
 * @throws GatewayError 400 with param `model` for an empty model name and for a query of other keys or values
 */
export function parseSelector(text: string, instances: readonly string[]): Selector {
  const [address, query] = cut(text, '?')
  const { backend, rest } = splitBackend(address, instances)
  const model = rest.replace(/^openai\//i, '')
  if (model === '') throw invalidField('model', 'The model name is empty. Name one, e.g. "gpt-5.5".')
  const instance = backend === undefined ? undefined : findInstance(backend, instances)
  return { address, backend, instance, rest, model, query: parseQuery(query ?? '') }
}

/** Exact name, then the name without case and with `_` = `-`, then the kind, which means its first instance. */
export function findInstance(name: string, instances: readonly string[]): string | undefined {
  const wanted = normalise(name)
  return (
    instances.find((instance) => instance === name) ??
    instances.find((instance) => normalise(instance) === wanted) ??
    (wanted === BACKEND_KIND ? instances[0] : undefined)
  )
}

function splitBackend(address: string, instances: readonly string[]): { backend: string | undefined; rest: string } {
  const colon = address.indexOf(':')
  const slash = address.indexOf('/')
  if (colon !== -1 && (slash === -1 || colon < slash)) {
    return { backend: address.slice(0, colon), rest: address.slice(colon + 1) }
  }
  const segment = address.slice(0, slash)
  if (slash !== -1 && findInstance(segment, instances) !== undefined) {
    return { backend: segment, rest: address.slice(slash + 1) }
  }
  return { backend: undefined, rest: address }
}

function parseQuery(query: string): ModelWishes {
  const wishes: { -readonly [K in keyof ModelWishes]: ModelWishes[K] } = {}
  for (const [key, value] of new URLSearchParams(query)) {
    if (!isQueryKey(key)) {
      const known = Object.keys(QUERY_KEYS).join(', ')
      throw invalidField(
        'model',
        `The model name has an unknown query key "${key.slice(0, 100)}". Known ones: ${known}.`,
      )
    }
    wishes[QUERY_KEYS[key]] = value
  }
  checkWishes(wishes, QUERY_PATHS)
  return wishes
}

function isQueryKey(key: string): key is keyof typeof QUERY_KEYS {
  return Object.hasOwn(QUERY_KEYS, key)
}

function normalise(name: string): string {
  return name.toLowerCase().replaceAll('_', '-')
}

function cut(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator)
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)]
}
