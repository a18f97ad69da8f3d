import { completions } from '../frontends/completions/index.ts'
import type { Gateway, PreparedTurn } from '../gateway/gateway.ts'
import { SequentialTurns } from '../gateway/sequential-turns.ts'
import type { JsonObject } from '../lib/json.ts'
import type { ModelListing } from '../models/listing.ts'
import type { ModelResolver } from '../models/resolve.ts'
import type { ResponseStore } from '../store/response-store.ts'
import type { Frontend } from '../turn/frontend.ts'
import { mountAudioRoutes } from './audio-routes.ts'
import { mountCodexRoutes } from './codex-routes.ts'
import { mountGeminiRoutes } from './gemini-routes.ts'
import { mountImageRoutes } from './images-routes.ts'
import { mountMessagesRoutes } from './messages-routes.ts'
import { mountOllamaRoutes } from './ollama-routes.ts'
import type { RequestMetrics } from './request-metrics.ts'
import { mountResponsesRoutes } from './responses-routes.ts'
import { Router } from './router.ts'
import { mountRoutes } from './routes.ts'
import { type TurnRouteOptions, turnRoute } from './turn-route.ts'
import type { WiredBackend } from './wire-backend.ts'

type Prepared = PreparedTurn & { readonly payload: { readonly fields: JsonObject } }

export interface AppRouterParts<P extends Prepared> {
  readonly doors: readonly Frontend[]
  readonly gateway: Gateway<P>
  readonly turns: TurnRouteOptions<P>
  readonly listing: ModelListing
  readonly resolver: ModelResolver
  readonly store: ResponseStore
  readonly metrics: RequestMetrics
  /** The default backend. */
  readonly main: WiredBackend | undefined
}

/** Everything one port serves. @param hasOllama whether that is Ollama's API, too */
export function createAppRouter<P extends Prepared>(parts: AppRouterParts<P>, hasOllama: boolean): Router {
  const { doors, gateway, turns, listing, resolver, store, main, metrics } = parts
  const { maxBodyBytes } = turns
  const router = new Router()
  for (const door of doors) for (const path of door.paths) router.add('POST', path, turnRoute(door, turns))
  // One request may ask several prompts, one turn each.
  const sequential = { ...turns, gateway: new SequentialTurns(gateway) }
  for (const path of completions.paths) router.add('POST', path, turnRoute(completions, sequential))
  mountResponsesRoutes(router, { gateway, store, maxBodyBytes })
  mountMessagesRoutes(router, { gateway, listing, maxBodyBytes })
  mountGeminiRoutes(router, { gateway, turns, listing, resolver })
  if (hasOllama) mountOllamaRoutes(router, { turns, listing, resolver })
  if (main !== undefined) {
    mountRoutes(router, { listing, resolver, backend: main, metrics })
    mountImageRoutes(router, { ...turns, backend: main })
    mountCodexRoutes(router, { listing, backend: main, maxBodyBytes })
    mountAudioRoutes(router, { backend: main, maxBodyBytes })
  }
  return router
}
