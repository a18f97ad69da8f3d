import { atOrigin } from '../backends/openai-codex/backend-urls.ts'
import { buildHeaders, buildUpgradeHeaders } from '../backends/openai-codex/headers.ts'
import { conversationKey, type Identity, toSessionId, withIdentity } from '../backends/openai-codex/identity.ts'
import { buildPayload, type Payload } from '../backends/openai-codex/payload.ts'
import { toRateLimitHeaders } from '../backends/openai-codex/rate-limits.ts'
import type { Attempt } from '../backends/openai-codex/transport.ts'
import type { SocketAttempt } from '../backends/openai-codex/websocket/turn-request.ts'
import type { JsonObject } from '../lib/json.ts'
import type { ModelResolver } from '../models/resolve.ts'
import { settleModelSettings } from '../models/settings.ts'
import { type ReasoningScope, ReasoningStore } from '../store/reasoning-store.ts'
import type { ResponseMemory, ResponseStore } from '../store/response-store.ts'
import { SealedOwners } from '../store/sealed-owners.ts'
import { createMemoryStore } from '../store/sqlite-response-store.ts'
import { mergeCapabilities } from '../turn/capabilities.ts'
import type { Credential, CredentialSource, OpenStream } from '../turn/connector.ts'
import { GatewayError } from '../turn/errors.ts'
import type { TurnStream } from '../turn/events.ts'
import { limitOutput } from '../turn/limit-output.ts'
import type { ModelSettings, ResolvedModel } from '../turn/model.ts'
import { restoreToolNames } from '../turn/tool-names.ts'
import type { InputItem, Turn } from '../turn/turn.ts'
import { signedIn, toConversation } from './account-choice.ts'
import type { Backend } from './backend.ts'
import type { Gateway, OpenTurn, PreparedTurn } from './gateway.ts'
import { expandHistory, withoutReasoning } from './history.ts'
import { peek } from './peek.ts'
import { RecordedStream } from './recorded-stream.ts'
import { type TurnInProgress, TurnMemory } from './turn-memory.ts'

export interface PipelineOptions {
  readonly backends: readonly Backend[]
  readonly resolver: ModelResolver
  /** Absent = answers are kept until the process ends. */
  readonly responses?: ResponseStore
  /** UUIDv4 of this gateway, as the CLI has one of each installation. */
  readonly installationId: string
  readonly warn: (fields: JsonObject, message: string) => void
  /** Told of each whole answer's `usage`. */
  readonly used?: (accountId: string, usage: unknown) => void
}

/** A turn with all that was decided about it. */
export interface ReadyTurn extends PreparedTurn {
  readonly backend: Backend
  readonly resolved: ResolvedModel
  readonly settings: ModelSettings
  readonly payload: Payload
  /** The account of this turn. */
  readonly credentials: CredentialSource
  readonly credential: Credential
  readonly memory: ResponseMemory | undefined
  /** The request's input without the conversation that `previous_response_id` stands for. */
  readonly ownInput: readonly InputItem[]
  readonly sent: SentTurn
}

/** What becomes known of a turn as it is sent. */
interface SentTurn {
  conversation: Conversation | undefined
}

interface Conversation {
  readonly accountId: string
  readonly key: string
  readonly sessionId: string
  readonly turn: TurnInProgress
}

/** The pipeline from a parsed turn to the events of its answer. */
export class TurnPipeline implements Gateway<ReadyTurn> {
  readonly #options: PipelineOptions
  readonly #responses: ResponseStore
  readonly #reasoning = new ReasoningStore()
  readonly #turns = new TurnMemory()
  readonly #owners = new SealedOwners()

  constructor(options: PipelineOptions) {
    this.#options = options
    this.#responses = options.responses ?? createMemoryStore(options.warn)
  }

  async prepare(asked: Turn, signal: AbortSignal, memory?: ResponseMemory): Promise<ReadyTurn> {
    await Promise.all(this.#options.backends.map((backend) => backend.ready(signal)))
    const resolved = this.#options.resolver.resolve(asked.model, asked.endpoint)
    const backend = this.#backend(resolved.instance)
    const { defaults, agents } = backend.capabilities
    const agentLayer = asked.agent === undefined ? undefined : agents[asked.agent]
    const capabilities = mergeCapabilities(asked.endpoint, [defaults, agentLayer ?? {}, asked.capabilities])
    const settings = settleModelSettings({
      resolved,
      endpoint: asked.endpoint,
      body: wishesOf(asked),
      reasoningOutput: capabilities.reasoning_output,
    })
    const memories = memory === undefined ? [this.#responses] : [memory, this.#responses]
    const history = await expandHistory(asked, memories)
    const expanded = withInput({ ...asked, dropped: [...asked.dropped, ...history.dropped] }, history.input)
    const chosen = backend.credentials.forTurn?.(toConversation(expanded)) ?? backend.credentials
    const { credentials, credential } = await signedIn(chosen, signal)
    const turn = this.#withReasoning(expanded, backend, scopeOf(expanded, credential, resolved))
    const payload = buildPayload({ turn, capabilities, resolved, settings, options: backend.payload })
    if (capabilities.strict_params) refuseDropped(payload)
    // Last, since it costs a fetch; the payload holds the very parts it fills.
    await backend.resolveImages(expanded.remoteImages, signal)
    for (const warning of payload.warnings) this.#options.warn({ model: resolved.slug }, warning)
    const { dropped, adjusted } = payload
    return {
      turn,
      backend,
      resolved,
      settings,
      capabilities,
      payload,
      credentials,
      credential,
      memory,
      ownInput: history.own,
      slug: resolved.slug,
      dropped,
      adjusted,
      sent: { conversation: undefined },
    }
  }

  /** Another account may answer where this one was refused, as long as there is no output. */
  async open(ready: ReadyTurn, signal: AbortSignal): Promise<OpenTurn> {
    try {
      return await this.#openWithOne(ready, signal)
    } catch (thrown) {
      const other = thrown instanceof GatewayError ? ready.credentials.refused?.(thrown) : undefined
      if (other === undefined) throw thrown
      const { credentials, credential } = await signedIn(other, signal)
      this.#options.warn({ backend: ready.backend.name, reason: GatewayError.from(thrown).kind }, MOVED)
      return await this.open({ ...this.#withoutReasoning(ready), credentials, credential }, signal)
    }
  }

  async #openWithOne(ready: ReadyTurn, signal: AbortSignal): Promise<OpenTurn> {
    try {
      return await this.#open(ready, signal)
    } catch (thrown) {
      if (!(thrown instanceof GatewayError) || thrown.kind !== 'invalid_encrypted_content') throw thrown
      return this.#open(this.#unsealed(ready), signal)
    }
  }

  async #open(ready: ReadyTurn, signal: AbortSignal): Promise<OpenTurn> {
    const { backend, turn, slug, payload } = ready
    let { credential: used } = ready
    const open = await backend.transport.open(
      {
        endpoint: turn.endpoint,
        form: turn.endpoint === 'chat' ? 'message' : 'items',
        slug,
        payload,
        host: backend.host,
        credentials: ready.credentials,
        prepareAttempt: (credential) => this.#attempt(ready, credential, signal),
        prepareSocket: (credential) => this.#socketAttempt(ready, credential, signal),
        timeoutMs: backend.timeoutMs,
        observer: {
          answered: (response, credential) => {
            used = credential
            backend.observer.answered(response, credential)
            this.#keepTurnState(ready, credential, response.headers['x-codex-turn-state'])
          },
          limited: (limits) => backend.limits.see(used.accountId ?? '', limits),
        },
      },
      signal,
    )
    const peeked = await peek(open.events)
    const named = restoreToolNames(peeked, payload.restore)
    const limited = limitOutput(named, { stop: turn.stop, maxOutputTokens: turn.maxOutputTokens })
    // Over a socket the limits come as events, ahead of any answer head.
    const limitHeaders = toRateLimitHeaders(backend.limits.of(used.accountId ?? ''))
    return this.#recorded(ready, { ...open, headers: { ...limitHeaders, ...open.headers } }, limited)
  }

  async #attempt(ready: ReadyTurn, credential: Credential, signal: AbortSignal): Promise<Attempt> {
    const { backend, payload } = ready
    const body = toJson(withIdentity(payload, this.#identity(ready, credential)))
    const packed = await backend.compress(body)
    const { url, input } = await this.#addressed(ready, credential, signal)
    const headers = buildHeaders({ ...input, contentEncoding: packed.encoding })
    return { url, headers, body: packed.body, bodyBytes: body.length }
  }

  async #socketAttempt(ready: ReadyTurn, credential: Credential, signal: AbortSignal): Promise<SocketAttempt> {
    const { backend, turn } = ready
    const { url, input } = await this.#addressed(ready, credential, signal)
    const accountId = credential.accountId ?? ''
    const { sessionId } = input.identity
    return {
      url,
      identity: input.identity,
      conversation: {
        accountId,
        key: JSON.stringify([backend.name, accountId, turn.client.keyId, turn.agent ?? '', sessionId]),
      },
      headers: (kind) => buildUpgradeHeaders(input, kind),
    }
  }

  /** Where a try goes, and what its headers are made of. */
  async #addressed(ready: ReadyTurn, credential: Credential, signal: AbortSignal) {
    const { backend, payload, turn } = ready
    const { origin, routingOverride } = await backend.workspaces.find(credential, signal)
    const input = {
      identity: this.#identity(ready, credential),
      client: backend.identity,
      credential,
      payload,
      codexHeaders: turn.client.codexHeaders,
      turnState: this.#conversation(ready, credential).turn.state,
      cookie: backend.cookies.header(credential.accountId ?? ''),
      contentEncoding: undefined,
      routingOverride,
    }
    return { url: origin === undefined ? backend.responsesUrl : atOrigin(backend.responsesUrl, origin), input }
  }

  #identity(ready: ReadyTurn, credential: Credential): Identity {
    const { key, sessionId, turn } = this.#conversation(ready, credential)
    const { turnId, contextWindowId, startedAtMs } = turn
    const { installationId } = this.#options
    return { key, sessionId, installationId, turnId, contextWindowId, startedAtMs, credentialKind: credential.kind }
  }

  /** What this request belongs to; asked for once, so that a retry stays in it. */
  #conversation(ready: ReadyTurn, credential: Credential): Conversation {
    const { payload, sent } = ready
    const accountId = credential.accountId ?? ''
    const known = sent.conversation
    if (known?.accountId === accountId) return known
    const key = conversationKey(ready.turn, payload, { accountId, slug: ready.slug })
    const sessionId = toSessionId(key)
    const turn = this.#turns.enter(accountId, sessionId, payload.isFollowUp)
    const conversation = { accountId, key, sessionId, turn }
    sent.conversation = conversation
    return conversation
  }

  #keepTurnState(ready: ReadyTurn, credential: Credential, state: string | undefined): void {
    if (state !== undefined && state !== '') this.#conversation(ready, credential).turn.state ??= state
  }

  #backend(name: string): Backend {
    const backend = this.#options.backends.find((candidate) => candidate.name === name)
    if (backend === undefined) throw new Error(`resolved to an unknown backend: ${name}`)
    return backend
  }

  #withReasoning(turn: Turn, backend: Backend, scope: ReasoningScope): Turn {
    if (backend.credentials.forTurn !== undefined && turn.endpoint === 'responses') {
      return withInput(turn, this.#owners.without(scope.accountId, turn.body.input))
    }
    if (turn.endpoint === 'responses' || !backend.reasoningReplay) return turn
    return withInput(turn, this.#reasoning.restore(scope, turn.body.input))
  }

  /** The same turn without sealed reasoning, which the backend could not read (connector.md §11.3). */
  #unsealed(ready: ReadyTurn): ReadyTurn {
    const { turn, credential, resolved } = ready
    this.#reasoning.forget(scopeOf(turn, credential, resolved), turn.body.input)
    return this.#withoutReasoning(ready)
  }

  #withoutReasoning(ready: ReadyTurn): ReadyTurn {
    const { resolved, settings, capabilities, backend } = ready
    const turn = withInput(ready.turn, withoutReasoning(ready.turn.body.input))
    return {
      ...ready,
      turn,
      payload: buildPayload({ turn, capabilities, resolved, settings, options: backend.payload }),
    }
  }

  #recorded(ready: ReadyTurn, open: OpenStream, events: TurnStream): OpenTurn {
    const { headers, stats } = open
    const recorded = new RecordedStream(events, (response) => this.#remember(ready, response, stats.contextBytes))
    return { headers, stats, events: recorded, response: () => recorded.response() }
  }

  /** @param contextBytes about how much the conversation weighs as JSON */
  #remember(ready: ReadyTurn, response: JsonObject, contextBytes: number): void {
    const { turn, backend, credential, resolved, ownInput, memory } = ready
    this.#options.used?.(credential.accountId ?? '', response.usage)
    const output = Array.isArray(response.output) ? response.output : []
    if (backend.credentials.forTurn !== undefined) this.#owners.remember(credential.accountId ?? '', output)
    if (turn.endpoint !== 'responses') {
      if (backend.reasoningReplay) this.#reasoning.remember(scopeOf(turn, credential, resolved), output)
      return
    }
    const { previousResponseId, client, body } = turn
    const answer = { keyId: client.keyId, response, input: ownInput, previousResponseId }
    const whole = { ...answer, input: body.input, previousResponseId: undefined }
    void memory?.remember(whole, contextBytes)
    // The client has its answer, which a full disk must not spoil.
    if (turn.store) this.#responses.remember(answer).catch((error: unknown) => this.#warnNotStored(error))
  }

  #warnNotStored(error: unknown): void {
    this.#options.warn({ reason: error instanceof Error ? error.message : String(error) }, 'an answer is not stored')
  }
}

const MOVED = 'An account was refused; the turn goes to another one.'

/** JSON.parse takes any depth, JSON.stringify does not. */
function toJson(body: JsonObject): string {
  try {
    return JSON.stringify(body)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new GatewayError('invalid_json', 'The request is nested too deeply. A few thousand levels are the limit.', {
      cause: error,
    })
  }
}

function scopeOf(turn: Turn, credential: Credential, resolved: ResolvedModel): ReasoningScope {
  return { keyId: turn.client.keyId, accountId: credential.accountId ?? '', slug: resolved.slug }
}

function withInput(turn: Turn, input: Turn['body']['input']): Turn {
  return { ...turn, body: { ...turn.body, input } }
}

function wishesOf({ body }: Turn): { effort?: string; summary?: string; verbosity?: string; serviceTier?: string } {
  const wishes = {
    effort: body.reasoning?.effort ?? undefined,
    summary: body.reasoning?.summary ?? undefined,
    verbosity: body.text?.verbosity ?? undefined,
    serviceTier: body.service_tier,
  }
  return Object.fromEntries(Object.entries(wishes).filter(([, value]) => typeof value === 'string'))
}

function refuseDropped({ dropped, droppedByMode }: Payload): void {
  const refused = dropped.filter((name) => !droppedByMode.includes(name))
  if (refused.length === 0) return
  throw new GatewayError(
    'unsupported_parameter',
    `This backend has no use for: ${refused.join(', ')} (strict_params is on).`,
    {
      param: refused[0] ?? null,
    },
  )
}
