import type { Model } from 'openai/resources/models'
import type { JsonObject } from '../lib/json.ts'
import type { Endpoint } from '../turn/endpoint.ts'
import { GatewayError } from '../turn/errors.ts'
import { type KnownModels, type ModelInstance, type ModelResolver, withoutTag } from './resolve.ts'
import { BACKEND_KIND } from './selector.ts'

export interface ListedInstance extends ModelInstance {
  readonly catalogue: KnownModels & { rawModels(): readonly JsonObject[] }
}

export interface ModelListingOptions {
  readonly instances: readonly ListedInstance[]
  readonly resolver: ModelResolver
}

export interface ModelListing {
  /** `GET /v1/models`. */
  list(): { object: 'list'; data: Model[] }
  /** `GET /v1/models?client_version=…`: the same with the default backend's own entries, for the Codex CLI. */
  codexList(): { object: 'list'; data: Model[]; models: readonly JsonObject[] }
  /** `GET /v1/models/{id}`, for the clients of that endpoint. @throws GatewayError `model_not_found` */
  get(id: string, endpoint?: Endpoint): Model
}

/** The backend tells no date of birth; this one, of the built-in table, is the same in every answer. */
const CREATED_SECONDS = Date.UTC(2026, 10, 22) / 1000

/** The model lists of connector.md §4.6, always from the catalogues' present state. */
export function createModelListing({ instances, resolver }: ModelListingOptions): ModelListing {
  function list(): { object: 'list'; data: Model[] } {
    const models = new Map<string, Model>()
    for (const instance of instances) {
      for (const id of toIds(instance, instances.length === 1, resolver)) models.set(id, toModel(id, 'openai'))
    }
    for (const name of resolver.aliasNames) {
      if (!models.has(name)) models.set(name, toModel(name, 'codexway'))
    }
    return { object: 'list', data: [...models.values()].filter(({ id }) => isAccepted(id, resolver)) }
  }

  return {
    list,
    codexList() {
      const standard = instances.find(({ name }) => name === resolver.defaultInstance) ?? instances[0]
      return { ...list(), models: standard?.catalogue.rawModels() ?? [] }
    },
    get(name, endpoint) {
      const id = withoutTag(name, endpoint)
      const { data } = list()
      const listed =
        data.find((model) => model.id === id) ?? data.find((model) => model.id.toLowerCase() === id.toLowerCase())
      if (listed !== undefined) return listed
      if (resolver.resolve(id, endpoint).entry !== undefined) return toModel(id, 'openai')
      throw new GatewayError(
        'model_not_found',
        `The model "${id.slice(0, 100)}" is not in the catalogue. GET /v1/models lists all of them.`,
        { param: 'model' },
      )
    },
  }
}

function toIds(instance: ListedInstance, isOnly: boolean, resolver: ModelResolver): string[] {
  const prefix = isOnly ? BACKEND_KIND : instance.name
  const slugs = instance.catalogue.listed().map(({ slug }) => slug)
  const further = instance.models.filter((model) => instance.catalogue.find(model) === undefined)
  const all = [...slugs, ...further]
  const bare = instance.name === resolver.defaultInstance ? all : []
  return [...bare, ...all.map((slug) => `${prefix}:${slug}`)]
}

/** An alias may lead nowhere; what is listed here must work in a request. */
function isAccepted(name: string, resolver: ModelResolver): boolean {
  try {
    resolver.resolve(name)
    return true
  } catch {
    return false
  }
}

function toModel(id: string, owner: string): Model {
  return { id, object: 'model', created: CREATED_SECONDS, owned_by: owner }
}
