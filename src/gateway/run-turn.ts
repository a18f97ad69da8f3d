import { buildPayload, type Payload } from '../backends/openai-codex/payload.ts'
import { toRateLimitHeaders } from '../backends/openai-codex/rate-limits.ts'
import type { AnswerForm } from '../backends/openai-codex/websocket/match-answer.ts'
import { arrayAt, isObject, type JsonObject } from '../lib/json.ts'
import type { ModelResolver } from '../models/resolve.ts'
import { settleModelSettings } from '../models/settings.ts'
import { type ReasoningScope, ReasoningStore } from '../store/reasoning-store.ts'
import type { ResponseMemory, ResponseStore } from '../store/response-store.ts'
import { SealedOwners } from '../store/sealed-owners.ts'
import { createMemoryStore } from '../store/sqlite-response-store.ts'
import { mergeCapabilities } from '../turn/capabilities.ts'
import type { Credential, OpenStream } from '../turn/connector.ts'
import type { Endpoint } from '../turn/endpoint.ts'
import { GatewayError } from '../turn/errors.ts'
import type { TurnStream } from '../turn/events.ts'
import { limitOutput } from '../turn/limit-output.ts'
import type { ResolvedModel } from '../turn/model.ts'
import { restoreToolNames } from '../turn/tool-names.ts'
import type { Turn } from '../turn/turn.ts'
import { signedIn, toConversation } from './account-choice.ts'
import { Attempts } from './attempts.ts'
import type { Backend } from './backend.ts'
import type { Gateway, OpenTurn } from './gateway.ts'
import { expandHistory, withoutReasoning } from './history.ts'
import { peek } from './peek.ts'
import type { ReadyTurn } from './ready-turn.ts'
import { RecordedStream } from './recorded-stream.ts'

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

/** The pipeline from a parsed turn to the events of its answer. */
export class TurnPipeline implements Gateway<ReadyTurn> {
  readonly #options: PipelineOptions
  readonly #responses: ResponseStore
  readonly #reasoning = new ReasoningStore()
  readonly #attempts: Attempts
  readonly #owners = new SealedOwners()

  constructor(options: PipelineOptions) {
    this.#options = options
    this.#attempts = new Attempts(options.installationId)
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
        form: ANSWER_FORMS[turn.endpoint],
        slug,
        payload,
        host: backend.host,
        credentials: ready.credentials,
        prepareAttempt: (credential) => this.#attempts.forHttp(ready, credential, signal),
        prepareSocket: (credential) => this.#attempts.forSocket(ready, credential, signal),
        timeoutMs: backend.timeoutMs,
        observer: {
          answered: (response, credential) => {
            used = credential
            backend.observer.answered(response, credential)
            this.#attempts.keepTurnState(ready, credential, response.headers['x-codex-turn-state'])
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
    const output = (arrayAt(response, 'output') ?? []).filter(isObject)
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

/** Protocols without items write an answer down as one message with its calls. */
const ANSWER_FORMS = {
  chat: 'message',
  completions: 'message',
  messages: 'items',
  responses: 'items',
  ollama: 'message',
  gemini: 'message',
  images: 'items',
} as const satisfies Record<Endpoint, AnswerForm>

const MOVED = 'An account was refused; the turn goes to another one.'

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
