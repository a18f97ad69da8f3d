import { atOrigin } from '../backends/openai-codex/backend-urls.ts'
import { buildHeaders, buildUpgradeHeaders } from '../backends/openai-codex/headers.ts'
import { conversationKey, type Identity, toSessionId, withIdentity } from '../backends/openai-codex/identity.ts'
import type { Attempt } from '../backends/openai-codex/transport.ts'
import type { SocketAttempt } from '../backends/openai-codex/websocket/turn-request.ts'
import type { JsonObject } from '../lib/json.ts'
import type { Credential } from '../turn/connector.ts'
import { GatewayError } from '../turn/errors.ts'
import type { Conversation, ReadyTurn } from './ready-turn.ts'
import { TurnMemory } from './turn-memory.ts'

/** Makes the request of each try anew, for the credential it carries and with the ids of its conversation and turn. */
export class Attempts {
  readonly #installationId: string
  readonly #turns = new TurnMemory()

  constructor(installationId: string) {
    this.#installationId = installationId
  }

  async forHttp(ready: ReadyTurn, credential: Credential, signal: AbortSignal): Promise<Attempt> {
    const { backend, payload } = ready
    const body = toJson(withIdentity(payload, this.#identity(ready, credential)))
    const packed = await backend.compress(body)
    const { url, input } = await this.#addressed(ready, credential, signal)
    const headers = buildHeaders({ ...input, contentEncoding: packed.encoding })
    return { url, headers, body: packed.body, bodyBytes: body.length }
  }

  async forSocket(ready: ReadyTurn, credential: Credential, signal: AbortSignal): Promise<SocketAttempt> {
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
    const installationId = this.#installationId
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

  /** First value of a turn wins (upstream.md §0). */
  keepTurnState(ready: ReadyTurn, credential: Credential, state: string | undefined): void {
    if (state !== undefined && state !== '') this.#conversation(ready, credential).turn.state ??= state
  }
}

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
