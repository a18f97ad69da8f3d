import type { JsonObject } from '../lib/json.ts'
import type { CapabilityLayer } from './capabilities.ts'
import type { ClientFamily } from './client-family.ts'
import type { Endpoint } from './endpoint.ts'

/** An input item in the Responses form. Unknown types and unknown members pass through, hence no closed union here. */
export type InputItem = JsonObject

/**
 * A request inside the gateway: the fields of a Responses request that this backend takes, plus the wishes such a body
 * cannot say. Made by a frontend's `parse`; owned by the one request it came with.
 */
export interface Turn {
  readonly endpoint: Endpoint
  /** The client's own model string, unresolved. */
  readonly model: string
  readonly stream: boolean
  readonly body: TurnBody

  /** Texts the answer must stop before (not on Responses); empty = none. */
  readonly stop: readonly string[]
  /** Smallest of the client's token limits; undefined = none. */
  readonly maxOutputTokens: number | undefined
  /** Streamed chat: one last chunk with the usage. */
  readonly includeUsage: boolean
  /** Messages: what of the model's reasoning its blocks show; absent elsewhere. */
  readonly thinking?: ThinkingShown
  /** The client spoke the old `functions` form and is answered in it. */
  readonly legacyFunctions: boolean
  /** Names (the client's spelling) of tools declared as custom. */
  readonly customTools: ReadonlySet<string>

  /** Top-level request fields no rule maps, in body order. Sent if `allowed_params` names them, else dropped. */
  readonly extras: JsonObject
  /** Dotted paths of nested things left out, e.g. `messages.name`. */
  readonly dropped: readonly string[]
  /** Values changed by a rule, e.g. `parallel_tool_calls=false`. */
  readonly adjusted: readonly string[]
  /** The client's top-level keys as sent, which orders the report of drops. */
  readonly fieldOrder: readonly string[]

  /** The request's own capability layer: headers below body (connector.md §5.2). */
  readonly capabilities: CapabilityLayer
  /** Agent name: body `agent`, else the family; lower-cased, cut at the first `/`. */
  readonly agent: string | undefined
  /** `extra_body.codex_system_prompt`, as a list. */
  readonly systemPrompt: readonly string[]
  readonly environment: EnvironmentWishes
  /** The client's own name for the conversation, first found of connector.md §11.1. */
  readonly conversationKey: string | undefined
  /** False only if the client said `store: false`. */
  readonly store: boolean
  readonly previousResponseId: string | undefined
  /** Input parts that point at images elsewhere; the image step writes the data URL into `part.image_url`. */
  readonly remoteImages: readonly RemoteImage[]
  readonly client: Client
  /** Completions: a turn for each of the request's other prompts, answered one behind the other; absent elsewhere. */
  readonly further?: readonly Turn[]
}

/** Thinking blocks: with the summary, with the signature alone, or none. */
export type ThinkingShown = 'summarized' | 'omitted' | 'none'

/** Members as the client asked for them; `undefined`/absent = not asked. */
export interface TurnBody {
  /** Responses `instructions`, as sent. */
  instructions?: string
  /** The whole conversation. Chat `system` messages are `message` items with role `system`, in their place. */
  input: InputItem[]
  /** Flat Responses form. */
  tools?: JsonObject[]
  tool_choice?: unknown
  parallel_tool_calls?: boolean
  /** `effort` and `summary` are the client's words, unchecked by the frontend beyond being strings. */
  reasoning?: JsonObject
  text?: JsonObject
  include?: string[]
  service_tier?: string
  client_metadata?: unknown
  access_programs?: unknown
}

export interface RemoteImage {
  /** As the client wrote it, e.g. `messages[0].content[1].image_url`. */
  readonly path: string
  readonly part: JsonObject
}

/** Values for the environment block, all of the client's own supplying (connector.md §5.9). */
export interface EnvironmentWishes {
  readonly cwd?: string
  readonly approvalPolicy?: string
  readonly sandboxMode?: string
  readonly networkAccess?: string
  readonly shell?: string
  /** `codex_environment_context`: replaces the whole block. */
  readonly block?: string
}

export interface Client {
  readonly family: ClientFamily | undefined
  /** Short stable name of the gateway key used; '' without keys. Separates the bounded stores. */
  readonly keyId: string
  /** The Codex CLI's own headers (connector.md §12.2), lower-case; empty for every other family. */
  readonly codexHeaders: Readonly<Record<string, string>>
}

/** What `parse` may look at besides the body. */
export interface ClientRequest {
  /** Lower-case names; repeated headers joined with `, `. */
  readonly headers: Readonly<Record<string, string>>
  readonly keyId: string
}
