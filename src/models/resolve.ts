import { nearest } from '../lib/nearest.ts'
import type { Endpoint } from '../turn/endpoint.ts'
import { GatewayError } from '../turn/errors.ts'
import type { ModelEntry, ModelWishes, ResolvedModel } from '../turn/model.ts'
import { createAliases } from './aliases.ts'
import { findClaudeTier } from './claude-tiers.ts'
import { findInstance, parseSelector, type Selector } from './selector.ts'
import { isEffort } from './setting-words.ts'

/** What resolving asks of a catalogue. */
export interface KnownModels {
  /** Any case; hidden models too. */
  find(name: string): ModelEntry | undefined
  listed(): readonly ModelEntry[]
}

export interface ModelInstance {
  readonly name: string
  readonly catalogue: KnownModels
  /** Further slugs to accept and to list (`models:`). */
  readonly models: readonly string[]
}

export interface ModelResolverOptions {
  readonly instances: readonly ModelInstance[]
  readonly defaultBackend?: string | undefined
  readonly aliases: Readonly<Record<string, string>>
  /** Requests of the Messages API may name `claude-…` models: one of ours stands in by tier, where no alias does. */
  readonly hasClaudeTiers?: boolean
}

export interface ModelResolver {
  /** @throws GatewayError `model_not_found`, or 400 with param `model` */
  resolve(clientModel: string, endpoint?: Endpoint): ResolvedModel
  /** Where a name without a backend goes; undefined = several instances and no default. */
  readonly defaultInstance: string | undefined
  /** Names of the aliases without `*`. */
  readonly aliasNames: readonly string[]
}

/** Names that may exist without our knowing: they are the backend's to judge (connector.md §4.2). */
const FAMILIES = /^(gpt-|codex-|o\d)/i

/**
 * Model strings → instance, slug and wishes (connector.md §4.1–§4.3).
 * @throws Error for a default backend or an alias target that names no instance
 */
export function createModelResolver(options: ModelResolverOptions): ModelResolver {
  const { instances } = options
  const names = instances.map(({ name }) => name)
  const aliases = createAliases(options.aliases, names)
  const defaultInstance = findDefault(names, options.defaultBackend)
  const instanceOf = (name: string | undefined) => instances.find((instance) => instance.name === name)

  function applyAlias(selector: Selector): Selector | undefined {
    const exact = aliases.findExact(selector)
    if (exact !== undefined || isKnown(selector)) return exact
    return aliases.findGlob(selector)
  }

  function isKnown({ backend, instance, model }: Selector): boolean {
    if (backend !== undefined && instance === undefined) return false
    const target = instanceOf(instance ?? defaultInstance)
    const candidates = target === undefined ? instances : [target]
    return candidates.some((candidate) => findKnown(candidate, model) !== undefined)
  }

  function pickInstance(client: Selector, target: Selector): ModelInstance {
    if (target.backend !== undefined && target.instance === undefined) throw unknownBackend(target.backend, names)
    const instance = instanceOf(target.instance ?? client.instance ?? defaultInstance)
    if (instance === undefined) throw backendNeeded(target.model, names)
    return instance
  }

  function findStandIn(instance: ModelInstance, model: string): Known | undefined {
    const tier = options.hasClaudeTiers === true ? findClaudeTier(model, instance.catalogue.listed()) : undefined
    return tier === undefined ? undefined : findKnown(instance, tier)
  }

  return {
    defaultInstance,
    aliasNames: aliases.names,
    resolve(clientModel, endpoint) {
      const client = parseSelector(withoutTag(clientModel, endpoint), names)
      const target = applyAlias(client)
      const instance = pickInstance(client, target ?? client)
      const { model, query } = target ?? client

      const known = findKnown(instance, model) ?? (endpoint === 'messages' ? findStandIn(instance, model) : undefined)
      if (known === undefined && !FAMILIES.test(model)) {
        const aliasNames = instance.name === defaultInstance ? aliases.names : []
        throw notFound(client.address, target?.model, toCandidates(instance, aliasNames))
      }
      const wishes = { ...known?.suffix, ...query }
      return {
        instance: instance.name,
        slug: known?.slug ?? model,
        entry: known?.entry,
        query: target === undefined ? wishes : client.query,
        aliasQuery: target === undefined ? {} : wishes,
      }
    },
  }
}

/** Names of Ollama's API have a tag, which is `latest` unless there are several of one model. */
export function withoutTag(name: string, endpoint: Endpoint | undefined): string {
  return endpoint === 'ollama' ? name.replace(/:latest$/i, '') : name
}

interface Known {
  readonly slug: string
  readonly entry: ModelEntry | undefined
  /** What an effort word or `fast` at the name's end asks for. */
  readonly suffix: ModelWishes
}

function findKnown(instance: ModelInstance, name: string): Known | undefined {
  const whole = findSlug(instance, name)
  if (whole !== undefined) return { ...whole, suffix: {} }
  const dash = name.lastIndexOf('-')
  const suffix = toSuffixWishes(name.slice(dash + 1).toLowerCase())
  const base = dash === -1 || suffix === undefined ? undefined : findSlug(instance, name.slice(0, dash))
  return base === undefined || suffix === undefined ? undefined : { ...base, suffix }
}

function findSlug({ catalogue, models }: ModelInstance, name: string): Omit<Known, 'suffix'> | undefined {
  const entry = catalogue.find(name)
  if (entry !== undefined) return { slug: entry.slug, entry }
  const slug = models.find((model) => model.toLowerCase() === name.toLowerCase())
  return slug === undefined ? undefined : { slug, entry: undefined }
}

function toSuffixWishes(word: string): ModelWishes | undefined {
  if (word === 'fast') return { serviceTier: 'priority' }
  return isEffort(word) ? { effort: word } : undefined
}

function findDefault(names: readonly string[], defaultBackend: string | undefined): string | undefined {
  if (defaultBackend === undefined) return names.length === 1 ? names[0] : undefined
  const found = findInstance(defaultBackend, names)
  if (found !== undefined) return found
  throw new Error(`default_backend: "${defaultBackend}" is no backend. Known ones: ${names.join(', ')}.`)
}

function unknownBackend(backend: string, names: readonly string[]): GatewayError {
  return modelNotFound(
    `There is no backend "${shorten(backend)}". Known ones: ${names.join(', ')}. Write the model as "<backend>:<model>".`,
  )
}

function backendNeeded(model: string, names: readonly string[]): GatewayError {
  return modelNotFound(
    `The model "${shorten(model)}" names no backend and there is no default one. Write "<backend>:${shorten(model)}" with one of: ${names.join(', ')}; or set default_backend.`,
  )
}

function notFound(address: string, target: string | undefined, candidates: readonly string[]): GatewayError {
  const close = nearest(target ?? address.slice(address.indexOf(':') + 1), candidates, 3).map((name) => `"${name}"`)
  const hint = close.length === 0 ? '' : ` Close names: ${close.join(', ')}.`
  const alias = target === undefined ? '' : ` (an alias of "${shorten(target)}")`
  return modelNotFound(
    `The model "${shorten(address)}"${alias} does not exist.${hint} GET /v1/models lists all of them.`,
  )
}

function toCandidates({ catalogue, models }: ModelInstance, aliasNames: readonly string[]): string[] {
  return [...catalogue.listed().map(({ slug }) => slug), ...models, ...aliasNames]
}

function modelNotFound(message: string): GatewayError {
  return new GatewayError('model_not_found', message, { param: 'model' })
}

function shorten(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}
