import { derivedUuid, isUuid } from '../../lib/ids.ts'
import type { JsonObject } from '../../lib/json.ts'
import type { Credential } from '../../turn/connector.ts'
import type { Turn } from '../../turn/turn.ts'
import { CLI_PROFILE } from './cli-profile.ts'
import type { Payload } from './payload.ts'

/** Which conversation and turn a request belongs to, in the ids the backend expects (upstream.md §1.3). */
export interface Identity {
  /** `prompt_cache_key`. */
  readonly key: string
  /** `session-id`, `thread-id`, `x-client-request-id`. */
  readonly sessionId: string
  readonly installationId: string
  readonly turnId: string
  readonly contextWindowId: string
  readonly startedAtMs: number
  readonly credentialKind: Credential['kind']
}

/** The conversation's key: the client's own name for it, else one derived from how it began (connector.md §11.1). */
export function conversationKey(turn: Turn, payload: Payload, scope: { accountId: string; slug: string }): string {
  if (turn.conversationKey !== undefined) return turn.conversationKey
  const { keyId } = turn.client
  return derivedUuid(scope.accountId, keyId, turn.agent ?? '', scope.slug, payload.systemText, payload.firstUserText)
}

export function toSessionId(key: string): string {
  return isUuid(key) ? key : derivedUuid('conversation', key)
}

/** `prewarm`: the request that opens a WebSocket conversation and asks for no answer; it belongs to no turn yet. */
export type RequestKind = 'turn' | 'prewarm'

/** One-line JSON for header and `client_metadata`: ids and the model, nothing of the machine (connector.md §12.2). */
export function toTurnMetadata(identity: Identity, fields: JsonObject, kind: RequestKind = 'turn'): string {
  const { sessionId, installationId, turnId, contextWindowId, startedAtMs } = identity
  const reasoning = fields.reasoning as { effort?: string } | undefined
  const isTurn = kind === 'turn'
  return toAsciiJson({
    installation_id: installationId,
    session_id: sessionId,
    thread_id: sessionId,
    agent_name: '/root',
    turn_id: isTurn ? turnId : '',
    window_id: `${sessionId}:0`,
    window_number: 0,
    context_window_id: contextWindowId,
    request_kind: kind,
    history_initialization: 'new',
    ...(isTurn ? { root_turn_id: turnId } : {}),
    thread_source: 'user',
    ...(isTurn ? { turn_trigger: CLI_PROFILE.turnTrigger, turn_started_at_unix_ms: startedAtMs } : {}),
    model: fields.model,
    ...(reasoning?.effort === undefined ? {} : { reasoning_effort: reasoning.effort }),
  })
}

/**
 * Adds what names the conversation, and puts the keys in the CLI's order. A passthrough body keeps its own
 * `client_metadata`, or none (connector.md §8.1).
 */
export function withIdentity(payload: Payload, identity: Identity, kind: RequestKind = 'turn'): JsonObject {
  const { fields, isPassthrough } = payload
  const all: JsonObject = { ...fields, prompt_cache_key: identity.key }
  if (!isPassthrough) all.client_metadata = toClientMetadata(identity, fields, kind)
  const body: JsonObject = {}
  for (const key of CLI_PROFILE.bodyOrder) {
    if (Object.hasOwn(all, key)) body[key] = all[key]
  }
  return Object.assign(body, all)
}

function toClientMetadata(identity: Identity, fields: JsonObject, kind: RequestKind): Record<string, string> {
  const { sessionId, installationId, turnId, credentialKind } = identity
  return {
    'x-codex-installation-id': installationId,
    session_id: sessionId,
    thread_id: sessionId,
    ...(kind === 'turn' ? { turn_id: turnId, root_turn_id: turnId } : { turn_id: '' }),
    'x-codex-window-id': `${sessionId}:0`,
    'x-codex-turn-metadata': toTurnMetadata(identity, fields, kind),
    // Not with an access token of the user's own (capture 51), nor with an API key (capture 76).
    ...(credentialKind === 'chatgpt' ? { guardian_credits_requested: 'true' } : {}),
    mcp_attribution: '{"status":"none"}',
  }
}

/** A header carries ASCII only. */
function toAsciiJson(value: JsonObject): string {
  return JSON.stringify(value).replace(
    /[\u0080-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
